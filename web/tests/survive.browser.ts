import type { Browser, BrowserContext, Page, Route } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PHONE, contextOf, launch, openShopper } from "./harness/browser";
import { report } from "./harness/counters";
import { liveCampaign, shopper, type Person } from "./harness/fixture";
import { startKoi, type Koi } from "./harness/koi";
import { seeded } from "./harness/random";

const ROUNDS = Number(process.env["KOI_ROUNDS"] ?? 20);
const SEED = Number(process.env["KOI_SEED"] ?? 8);
const ROUND_MS = 30_000;
const DRAWS = /\/api\/v1\/campaigns\/\d+\/draws$/;

let koi: Koi;
let browser: Browser;
let campaign: string;
let person: Person;
let context: BrowserContext;
let errors: string[];

beforeAll(async () => {
  [koi, browser] = await Promise.all([startKoi(), launch()]);
  campaign = await liveCampaign(koi, { limits: {} });
  person = await shopper(koi, campaign, "linxiaoman", ROUNDS + 5);
  ({ context, errors } = await contextOf(browser, { viewport: PHONE, language: "zh", theme: "light" }));
});
afterAll(async () => {
  await browser?.close();
  await koi?.stop();
});

const open = () => openShopper(context, koi.url, campaign, person.token);
const start = (page: Page) => page.locator(".kg-start");
const shownOn = async (page: Page): Promise<string> => {
  // Whoever does not want to wait for the light to run around skips it.
  const skip = page.getByRole("button", { name: "跳过动画" });
  const result = page.getByTestId("result");
  await skip.or(result).first().waitFor({ timeout: ROUND_MS });
  if (!(await result.isVisible())) await skip.click({ timeout: 2_000 }).catch(() => undefined);
  await result.waitFor({ timeout: ROUND_MS });
  const id = (await result.getAttribute("data-draw")) ?? "";
  await page.getByTestId("close-result").click();
  return id;
};

/** Answers the next draw's request with `how`, once. */
async function nextDraw(page: Page, how: (route: Route) => Promise<void>): Promise<{ seen: Promise<void> }> {
  let saw: (() => void) | undefined;
  const seen = new Promise<void>((resolve) => {
    saw = resolve;
  });
  await page.route(
    DRAWS,
    async (route) => {
      if (route.request().method() !== "POST") return route.fallback();
      await how(route);
      saw?.();
    },
    { times: 1 },
  );
  return { seen };
}

/** The server draws, its answer never arrives. */
const swallow = async (route: Route) => {
  await route.fetch();
};
/** The server draws, and the connection breaks before the answer. */
const lose = async (route: Route) => {
  await route.fetch();
  await route.abort();
};

const press = (button: Element) => (button as HTMLElement).click();

/** Every way to be interrupted: gives the ids of the draws that were shown, and the page that goes on. */
const INTERRUPTIONS: Record<string, (page: Page) => Promise<{ shown: string[]; page: Page }>> = {
  async reload_while_asking(page) {
    const { seen } = await nextDraw(page, swallow);
    await start(page).click();
    await seen;
    await page.reload();
    return { shown: [await shownOn(page)], page };
  },
  async reload_while_playing(page) {
    await start(page).click();
    await page.getByRole("button", { name: "跳过动画" }).waitFor();
    await page.reload();
    return { shown: [await shownOn(page)], page };
  },
  async close_while_asking(page) {
    const { seen } = await nextDraw(page, swallow);
    await start(page).click();
    await seen;
    await page.close();
    const next = await open();
    return { shown: [await shownOn(next)], page: next };
  },
  async close_while_playing(page) {
    await start(page).click();
    await page.getByRole("button", { name: "跳过动画" }).waitFor();
    await page.close();
    const next = await open();
    return { shown: [await shownOn(next)], page: next };
  },
  async offline_before(page) {
    await context.setOffline(true);
    await start(page).click();
    await page.locator(".stage-note", { hasText: "恢复后会自动取回" }).waitFor();
    await context.setOffline(false);
    return { shown: [await shownOn(page)], page };
  },
  async offline_after(page) {
    await nextDraw(page, lose);
    await start(page).click();
    return { shown: [await shownOn(page)], page };
  },
  async second_tab(page) {
    const other = await open();
    // In the same moment, without waiting for what a person would wait for.
    await Promise.all([start(page).evaluate(press), start(other).evaluate(press)]);
    const shown = await Promise.all([shownOn(page), shownOn(other)]);
    await other.close();
    return { shown, page };
  },
  async second_tab_takes_over(page) {
    const other = await open();
    const { seen } = await nextDraw(page, swallow);
    await start(page).click();
    await seen;
    await page.close();
    return { shown: [await shownOn(other)], page: other };
  },
  async double_click(page) {
    await start(page).dblclick({ delay: 1 });
    return { shown: [await shownOn(page)], page };
  },
  async hidden(page) {
    await start(page).click();
    await setHidden(page, true);
    await page.waitForFunction(() => document.querySelector(".is-waiting") === null);
    const early = await page.getByTestId("result").count();
    expect(early).toBe(0);
    await setHidden(page, false);
    return { shown: [await shownOn(page)], page };
  },
};

/** As when another tab is in front, which a headless browser does not have. */
async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((isHidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (isHidden ? "hidden" : "visible") });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}

it(
  "every draw ends with one result, whatever interrupts it",
  async () => {
    const random = seeded(SEED);
    const names = Object.keys(INTERRUPTIONS);
    const counts: Record<string, number> = {};
    const all = new Set<string>();
    let page = await open();
    for (let round = 0; round < ROUNDS; round += 1) {
      // Each of them once, then at random.
      const name = names[round] ?? names[Math.floor(random() * names.length)] ?? "";
      counts[name] = (counts[name] ?? 0) + 1;
      await page.locator(".kg-start:enabled").waitFor({ timeout: ROUND_MS });
      const ended = await INTERRUPTIONS[name]!(page);
      page = ended.page;
      const { data } = await koi.as<{ data: { id: string; n: number }[] }>(person.token, "GET", `/campaigns/${campaign}/draws?limit=1`);
      const last = data[0];
      expect(new Set(ended.shown), `round ${round}, ${name}: the server drew ${last?.id}`).toEqual(new Set([last?.id]));
      expect(last?.n, `round ${round}, ${name}: draws so far`).toBe(round + 1);
      all.add(last?.id ?? "");
    }
    const me = await koi.as<{ chances: { used: number } }>(person.token, "GET", `/campaigns/${campaign}/me`);
    report("survive", { rounds: ROUNDS, draws_used: me.chances.used, draws_shown: all.size, interruptions: counts });
    expect([me.chances.used, all.size]).toEqual([ROUNDS, ROUNDS]);
    // A network that is taken away complains on the console, and so does a draw that another tab has under way; nothing else may.
    expect(errors.filter((error) => !/ERR_INTERNET_DISCONNECTED|ERR_FAILED|net::ERR_ABORTED|WebSocket|409 .*\/draws/.test(error))).toEqual([]);
  },
  ROUNDS * ROUND_MS,
);
