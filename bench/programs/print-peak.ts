// Loaded before the program that is measured: prints the peak of its resident memory, in bytes, as the last line on stderr.
process.on('exit', () => {
  process.stderr.write(`\n${process.resourceUsage().maxRSS * 1024}\n`);
});
