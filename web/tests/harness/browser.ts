import { chromium, type Browser, type BrowserContext, type Page, type Request } from "playwright-core";

/** Debian's chromium; playwright gives every launch a new empty profile. */
const EXECUTABLE = process.env["KOI_CHROMIUM"] ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 900 };

export function launch(flags: string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: EXECUTABLE, headless: true, args: [...FLAGS, ...flags] });
}

export interface Look {
  viewport: { width: number; height: number };
  language: "zh" | "en";
  theme: "light" | "dark";
  calm?: boolean;
}

/** A browser context of a look; `errors` gathers what pages complain of. */
export async function contextOf(browser: Browser, look: Look): Promise<{ context: BrowserContext; errors: string[] }> {
  const context = await browser.newContext({
    viewport: look.viewport,
    locale: look.language === "zh" ? "zh-CN" : "en-GB",
    colorScheme: look.theme,
    reducedMotion: look.calm ? "reduce" : "no-preference",
    deviceScaleFactor: look.viewport.width < 600 ? 2 : 1,
    hasTouch: look.viewport.width < 600,
  });
  const errors: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "error") errors.push(`${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (error) => errors.push(String(error.error())));
  watchRequests(context);
  return { context, errors };
}

/** Requests that each page waits for. */
const waiting = new WeakMap<Page, Set<Request>>();

/** The requests that the page of this one waits for; none for a page that is being opened, which has no frame yet. */
function others(request: Request): Set<Request> | undefined {
  if (request.isNavigationRequest()) return undefined;
  const page = request.frame().page();
  const set = waiting.get(page) ?? new Set();
  waiting.set(page, set);
  return set;
}

function watchRequests(context: BrowserContext): void {
  context.on("request", (request) => others(request)?.add(request));
  context.on("requestfinished", (request) => others(request)?.delete(request));
  context.on("requestfailed", (request) => others(request)?.delete(request));
}

/** Frames in a row without a request under way after which a page is taken to have what it asks for. */
const CALM_FRAMES = 4;
const CALM_WITHIN_MS = 20_000;

/** Waits until the page asks for nothing more: several painted frames in a row without a request. */
export async function calm(page: Page): Promise<void> {
  const until = Date.now() + CALM_WITHIN_MS;
  for (let frames = 0; frames < CALM_FRAMES && Date.now() < until; ) {
    // oxlint-disable-next-line no-await-in-loop -- frame by frame
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0))));
    frames = (waiting.get(page)?.size ?? 0) === 0 ? frames + 1 : 0;
  }
}

/** Opens a shopper's page as the shop's server would send them there. */
export async function openShopper(context: BrowserContext, url: string, campaign: string, token: string, panel = ""): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${url}/c/${campaign}${panel ? `/${panel}` : ""}#token=${token}`);
  await page.locator(panel && panel !== "draw" ? "#panel .card" : ".game .kg").first().waitFor();
  return page;
}
