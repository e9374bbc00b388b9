import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The binary under test: what xtask built, else the debug build of this repository. */
const BINARY = process.env["KOI_BINARY"] ?? fileURLToPath(new URL("../../../target/debug/koi", import.meta.url));
const KEY = "koi_sk_for_browser_tests_only_000000";
const READY_MS = 60_000;

/** A koi of the test's own, on a free port, with an empty data directory that goes with it. */
export interface Koi {
  url: string;
  key: string;
  /** Calls as the shop's server; throws unless the answer is 2xx. */
  shop: <T = Record<string, unknown>>(method: string, path: string, body?: unknown) => Promise<T>;
  /** Calls as a shopper. */
  as: <T = Record<string, unknown>>(token: string, method: string, path: string, body?: unknown, key?: string) => Promise<T>;
  stop: () => Promise<void>;
}

export async function startKoi(env: Record<string, string> = {}): Promise<Koi> {
  const data = mkdtempSync(join(tmpdir(), "koi-web-"));
  const child = spawn(BINARY, ["serve", "--listen", "127.0.0.1:0", "--data", join(data, "data")], {
    env: { ...process.env, KOI_BOOTSTRAP_KEY: KEY, KOI__LOG__LEVEL: "warn", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await listening(child);
  const call = async <T>(token: string, method: string, path: string, body?: unknown, key?: string): Promise<T> => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key ? { "idempotency-key": key } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  };
  return {
    url,
    key: KEY,
    shop: (method, path, body) => call(KEY, method, path, body),
    as: call,
    async stop() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
      rmSync(data, { recursive: true, force: true });
    },
  };
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("koi does not listen")), READY_MS);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`koi ended with ${code}`)));
    createInterface({ input: child.stdout! }).on("line", (line) => {
      const [, url] = /listens on (http:\S+)/.exec(line) ?? [];
      if (url) {
        clearTimeout(timer);
        resolve(url);
      }
    });
  });
}
