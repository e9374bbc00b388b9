/** What of `Storage` is used; a page that may not store gives {@link memoryStorage}. */
export type KeyStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** A new key: 128 random bits, as the server takes them. Works without a secure context, where randomUUID is absent. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Storage that lives as long as the page. */
export function memoryStorage(): KeyStorage {
  const items = new Map<string, string>();
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => void items.set(name, value),
    removeItem: (name) => void items.delete(name),
  };
}

/** localStorage where the page may use it, which is where other tabs see it too; else memory. */
export function safeStorage(): KeyStorage {
  try {
    const probe = "koi.probe";
    localStorage.setItem(probe, "1");
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    return memoryStorage();
  }
}

/**
 * A request that is sent once however often it is asked for: its key and body are stored before the first attempt, and kept until the
 * caller has shown the outcome. A page that dies in between finds them again, and the server answers the stored result.
 */
export interface Pending<Body> {
  key: string;
  body: Body;
  /** Milliseconds since 1970. */
  at: number;
}

/** The pending request under a name, if there is one that reads well. */
export function readPending<Body>(storage: KeyStorage, name: string): Pending<Body> | undefined {
  try {
    const found: unknown = JSON.parse(storage.getItem(name) ?? "null");
    if (typeof found === "object" && found !== null && "key" in found && typeof found.key === "string" && "body" in found) {
      return found as Pending<Body>;
    }
  } catch {
    // Unreadable is as good as none: without its key the request cannot be repeated.
  }
  return undefined;
}

/** The pending request under a name, or a new one with this body, stored. */
export function takePending<Body>(storage: KeyStorage, name: string, body: Body): Pending<Body> {
  const found = readPending<Body>(storage, name);
  if (found) return found;
  const made = { key: newIdempotencyKey(), body, at: Date.now() };
  storage.setItem(name, JSON.stringify(made));
  return made;
}

/** Forgets a request whose outcome was shown. Another one under the same name stays. */
export function dropPending(storage: KeyStorage, name: string, key: string): void {
  if (readPending(storage, name)?.key === key) storage.removeItem(name);
}
