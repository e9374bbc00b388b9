import { createKoi, must, Problem, type Schema } from "@koi/client";
import { useSession } from "./session";

/** Longer than the server's own deadlines; a rehearsal of a large campaign is the slowest answer. */
const TIMEOUT_MS = 60_000;
const SESSION = "/api/v1/session";

/** What the server refused with, read from a copy so that the answer can still be handed on. */
async function codeOf(answer: Response): Promise<string> {
  const body: unknown = await answer.clone().json().catch(() => undefined);
  return typeof body === "object" && body !== null && "code" in body ? String(body.code) : "";
}

async function attempt(request: Request, body: ArrayBuffer | undefined, csrf: boolean): Promise<Response> {
  const headers = new Headers(request.headers);
  const token = useSession.getState().session?.csrf_token;
  if (csrf && token) headers.set("x-csrf-token", token);
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  return fetch(request.url, { method: request.method, headers, body: body ?? null, signal, credentials: "same-origin" });
}

/**
 * Sends a request; where the session is over or a fresh password is wanted, asks the operator and sends it once more. Nothing was done by
 * a request that was refused so, and what was typed on the page stays.
 */
async function send(request: Request): Promise<Response> {
  const isSafe = request.method === "GET" || request.method === "HEAD";
  const body = isSafe ? undefined : await request.arrayBuffer();
  const answer = await attempt(request, body, !isSafe);
  const path = new URL(request.url).pathname;
  const aboutSession = path === SESSION || path.startsWith(`${SESSION}/`);
  if (aboutSession || useSession.getState().session === null) return answer;
  const state = useSession.getState();
  if (answer.status === 401) {
    if (!(await state.ask("sign_in"))) return answer;
  } else if (answer.status === 403 && (await codeOf(answer)) === "reauthentication_required") {
    if (!(await state.ask("password"))) return answer;
  } else {
    return answer;
  }
  return attempt(request, body, !isSafe);
}

/** The server, as whoever is signed in. */
export const koi = createKoi({ fetch: send, timeoutMs: 24 * 3_600_000 });

/** Asks who is signed in. */
export async function findSession(): Promise<Schema<"Session"> | null> {
  try {
    const session = await must(koi.GET("/api/v1/session"));
    useSession.getState().set(session);
    return session;
  } catch (thrown) {
    const problem = Problem.from(thrown);
    if (problem.status !== 401) throw problem;
    useSession.getState().set(null);
    return null;
  }
}

/** A body with the ETag that an edit of it sends back. */
export interface Tagged<T> {
  value: T;
  etag: string | undefined;
}

export async function tagged<T>(answer: Promise<{ data?: T; response: Response }>): Promise<Tagged<T>> {
  const { data, response } = await answer;
  return { value: data as T, etag: response.headers.get("etag") ?? undefined };
}

/** Headers of an edit that must not overwrite somebody else's. */
export function ifMatch(etag: string | undefined): { header?: { "If-Match": string } } {
  return etag === undefined ? {} : { header: { "If-Match": etag } };
}
