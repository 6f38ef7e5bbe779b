// Which addresses in output may be links (OSC 8). Pure. Used by the model of a terminal and by the page.

const maxLinkLength = 2_000;

/** Only http and https, written out by the URL parser, so that nothing in it can end the sequence it is put into. */
export function safeLink(text: string): string | undefined {
  if (text === '' || text.length > maxLinkLength || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
}
