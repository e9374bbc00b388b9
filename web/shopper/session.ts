import { safeStorage } from "@koi/client";
import { tokenEnds } from "../draw/who";

const STORED = "koi.token";

/**
 * The shopper's token: the shop hands it over in the fragment (`#token=…`), which browsers send to nobody, and it leaves the address at
 * once, so that it is in no history, bookmark or picture. It is kept for reloads and further tabs until it expires.
 */
export function takeToken(): string | undefined {
  const storage = safeStorage();
  const handed = new URLSearchParams(location.hash.slice(1)).get("token");
  if (handed) {
    storage.setItem(STORED, handed);
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  const token = handed ?? storage.getItem(STORED) ?? undefined;
  const ends = token && tokenEnds(token);
  if (token && ends && ends <= Date.now()) {
    storage.removeItem(STORED);
    return undefined;
  }
  return token;
}

/** Forgets a token that the server refused. A newer one of another tab stays. */
export function dropToken(token: string): void {
  const storage = safeStorage();
  if (storage.getItem(STORED) === token) storage.removeItem(STORED);
}
