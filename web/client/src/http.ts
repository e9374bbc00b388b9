import createFetch, { type Client, type Middleware } from "openapi-fetch";
import { Problem } from "./problem";
import type { paths } from "./schema";

/** Every operation of openapi.json, typed. Refusals and lost connections throw a {@link Problem}. */
export type KoiClient = Client<paths>;

export interface KoiOptions {
  /** The server's origin; absent: where the page comes from. */
  baseUrl?: string;
  /** A shopper's token or an API key, asked for with every request, so that a renewed one is used at once. */
  token?: () => string | undefined;
  /** The CSRF token of the session, which changes must send (`GET /session` tells it). */
  csrfToken?: () => string | undefined;
  /** Called once for each 401, before the problem is thrown. */
  onUnauthorized?: (problem: Problem) => void;
  /** How long an answer is waited for, in milliseconds. */
  timeoutMs?: number;
  fetch?: (request: Request) => Promise<Response>;
}

/** Longer than the server's own deadlines, so that its answer comes first. */
const TIMEOUT_MS = 20_000;
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** A client of one server, as one caller. */
export function createKoi(options: KoiOptions = {}): KoiClient {
  const send = options.fetch ?? ((request: Request) => globalThis.fetch(request));
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const client = createFetch<paths>({
    baseUrl: options.baseUrl ?? globalThis.location?.origin ?? "",
    fetch: async (request) => {
      try {
        return await send(new Request(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]) }));
      } catch (thrown) {
        throw Problem.from(thrown);
      }
    },
  });
  const middleware: Middleware = {
    onRequest({ request }) {
      const token = options.token?.();
      if (token !== undefined) request.headers.set("authorization", `Bearer ${token}`);
      const csrf = options.csrfToken?.();
      if (csrf !== undefined && !SAFE_METHODS.has(request.method)) request.headers.set("x-csrf-token", csrf);
      return request;
    },
    async onResponse({ response }) {
      if (response.ok || response.status === 304) return undefined;
      const problem = await Problem.of(response);
      if (problem.status === 401) options.onUnauthorized?.(problem);
      throw problem;
    },
  };
  client.use(middleware);
  return client;
}

/** The body of an answer that was good; openapi-fetch says what may be absent, the middleware has thrown where it is. */
export async function must<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  return data as T;
}
