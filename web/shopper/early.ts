import { takeToken } from "./session";
import { parseRoute } from "./route-path";

/**
 * The first two answers that the page cannot do without, asked for before the rest of the script has run: on a slow phone that is half a
 * second. This module is imported first, and imports next to nothing.
 */
const started = new Map<string, Promise<Response>>();

export const token = takeToken();
export const { campaign } = parseRoute(location.pathname);

function begin(path: string, headers: Record<string, string>): void {
  const url = new URL(path, location.origin).href;
  const answer = fetch(url, { headers });
  // Whoever asks for it sees the failure.
  answer.catch(() => undefined);
  started.set(url, answer);
}

if (campaign) {
  begin(`/api/v1/campaigns/${campaign}/rules`, { accept: "application/json" });
  if (token) begin(`/api/v1/campaigns/${campaign}/me`, { authorization: `Bearer ${token}` });
}

/** `fetch`, which gives what was begun early to the first who asks for it. */
export function fetchOrEarly(request: Request): Promise<Response> {
  const early = request.method === "GET" ? started.get(request.url) : undefined;
  started.delete(request.url);
  return early ?? fetch(request);
}
