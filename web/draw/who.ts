/**
 * A name for the shopper of a token, the same for each of their tokens: what is stored on a device belongs to one of them, and a key of one
 * must never be sent as another. Koi's own tokens hold the id in bytes 1 to 8 (after `kst_`, base64url), a shop's JWT a subject.
 * Nothing is verified here: the server does that.
 */
export function whoseToken(token: string): string {
  try {
    if (token.startsWith("kst_")) {
      const bytes = base64url(token.slice(4));
      return Array.from(bytes.slice(1, 9), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
    }
    const claims = JSON.parse(utf8(base64url(token.split(".")[1] ?? ""))) as { iss?: string; sub?: string };
    if (claims.sub) return `${claims.iss ?? ""} ${claims.sub}`;
  } catch {
    // Of another form: the token itself names nobody else.
  }
  return token;
}

/** When a token of Koi's own ends, in milliseconds since 1970; undefined where it does not tell. */
export function tokenEnds(token: string): number | undefined {
  try {
    if (!token.startsWith("kst_")) return undefined;
    const bytes = base64url(token.slice(4));
    return bytes.slice(9, 17).reduce((sum, byte) => sum * 256 + byte.charCodeAt(0), 0) * 1000;
  } catch {
    return undefined;
  }
}

function base64url(text: string): string[] {
  return Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
}

function utf8(characters: string[]): string {
  return new TextDecoder().decode(Uint8Array.from(characters, (character) => character.charCodeAt(0)));
}
