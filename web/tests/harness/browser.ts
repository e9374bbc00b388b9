import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";

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
  return { context, errors };
}

/** Opens a shopper's page as the shop's server would send them there. */
export async function openShopper(context: BrowserContext, url: string, campaign: string, token: string, panel = ""): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${url}/c/${campaign}${panel ? `/${panel}` : ""}#token=${token}`);
  await page.locator(panel && panel !== "draw" ? "#panel .card" : ".game .kg").first().waitFor();
  return page;
}
