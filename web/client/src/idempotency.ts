/** A new key: 128 random bits, as the server takes them. Works without a secure context, where randomUUID is absent. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
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

/** Where pending requests are kept, by name. */
export interface PendingStore {
  /** The request under a name, or a new one with this body: of two tabs that ask at once both get the same. Stored when it returns. */
  take: <Body>(name: string, body: Body) => Promise<Pending<Body>>;
  read: <Body>(name: string) => Promise<Pending<Body> | undefined>;
  /** Forgets a request whose outcome was shown. Another one under the same name stays. */
  drop: (name: string, key: string) => Promise<void>;
}

const fresh = <Body>(body: Body): Pending<Body> => ({ key: newIdempotencyKey(), body, at: Date.now() });

/** Keeps them as long as the page lives. */
export function memoryStore(): PendingStore {
  const items = new Map<string, Pending<unknown>>();
  return {
    async take<Body>(name: string, body: Body) {
      const found = (items.get(name) as Pending<Body> | undefined) ?? fresh(body);
      items.set(name, found);
      return found;
    },
    read: async <Body>(name: string) => items.get(name) as Pending<Body> | undefined,
    async drop(name, key) {
      if (items.get(name)?.key === key) items.delete(name);
    },
  };
}

const DATABASE = "koi";
const TABLE = "pending";

/**
 * Keeps them on the device, for all tabs: in IndexedDB, whose transactions are atomic across tabs. localStorage is not: a tab may read its
 * copy before another one's write arrives, and both would make a key. In memory where the page may store nothing.
 */
export function deviceStore(): PendingStore {
  const memory = memoryStore();
  // At once, so that the first request need not wait for it.
  const opened = open().catch(() => undefined);
  return {
    async take<Body>(name: string, body: Body) {
      const db = await opened;
      if (!db) return memory.take(name, body);
      return transact<Pending<Body>>(db, (table, give) => {
        const found = table.get(name);
        found.addEventListener("success", () => {
          const pending = (found.result as Pending<Body> | undefined) ?? fresh(body);
          table.put(pending, name);
          give(pending);
        });
      });
    },
    async read<Body>(name: string) {
      const db = await opened;
      if (!db) return memory.read<Body>(name);
      return transact<Pending<Body> | undefined>(db, (table, give) => {
        const found = table.get(name);
        found.addEventListener("success", () => give(found.result as Pending<Body> | undefined));
      });
    },
    async drop(name, key) {
      const db = await opened;
      if (!db) return memory.drop(name, key);
      return transact<void>(db, (table, give) => {
        const found = table.get(name);
        found.addEventListener("success", () => {
          if ((found.result as Pending<unknown> | undefined)?.key === key) table.delete(name);
          give();
        });
      });
    },
  };
}

async function open(): Promise<IDBDatabase> {
  const { indexedDB } = globalThis;
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.addEventListener("upgradeneeded", () => void request.result.createObjectStore(TABLE));
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
    request.addEventListener("blocked", () => reject(new Error("the database is blocked")));
  });
}

/**
 * One transaction; its result once that is committed. Relaxed: it outlives the page and the browser, and that is what a key must outlive. After
 * a power cut the shopper finds the draw in their list, and a new click is a new draw.
 */
function transact<T>(db: IDBDatabase, work: (table: IDBObjectStore, give: (value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(TABLE, "readwrite", { durability: "relaxed" });
    let result: T;
    transaction.addEventListener("complete", () => resolve(result));
    transaction.addEventListener("abort", () => reject(transaction.error ?? new Error("the transaction was aborted")));
    work(transaction.objectStore(TABLE), (value) => {
      result = value;
    });
  });
}

/** A small storage of texts: localStorage where the page may use it, else memory. For what may be lost, never for keys. */
export function safeStorage(): Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  try {
    const probe = "koi.probe";
    localStorage.setItem(probe, "1");
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    const items = new Map<string, string>();
    return {
      getItem: (name) => items.get(name) ?? null,
      setItem: (name, value) => void items.set(name, value),
      removeItem: (name) => void items.delete(name),
    };
  }
}
