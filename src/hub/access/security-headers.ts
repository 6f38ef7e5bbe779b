// Headers that limit what a browser may do with our answers: as little as the page needs. Pure.

/** Of everything that is served. `no-store`: what runs print is not left in a browser's cache. */
export const everywhere: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
  // An answer is data; should a browser show one as a document all the same, nothing in it acts.
  'Content-Security-Policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/**
 * Of the page: its own files and its own server, no inline script or style, no frames, no forms.
 * @param host as the request gave it and as it was found allowed: older Safari does not take 'self' for ws:
 */
export function pagePolicy(host: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "manifest-src 'self'",
    `connect-src 'self' ws://${host} wss://${host}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

export const permissions = 'camera=(), microphone=(), geolocation=(), payment=(), usb=()';
