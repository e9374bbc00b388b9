import { wantedLanguage } from "../shared/language";
import { takeToken } from "./session";
import { loadTexts, type Texts } from "./texts";
import { parseRoute } from "./route-path";

/** How long a broken network is left alone. */
const AGAIN_MS = 1_000;

/**
 * The first two answers and the words that the page cannot do without, asked for before the rest of the script has run: on a slow phone that
 * is half a second. This module is imported first, and imports next to nothing.
 */
const started = new Map<string, Promise<Response>>();

export const token = takeToken();
export const language = wantedLanguage();
export const texts = words();
export const { campaign } = parseRoute(location.pathname);

/** The words; where the network breaks just now, as soon as it is back. */
async function words(): Promise<Texts> {
  try {
    return await loadTexts(language);
  } catch {
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    return words();
  }
}

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
