import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DESKTOP, PHONE, contextOf, launch, type Look } from "./harness/browser";
import { axeFindings, layoutFindings, picture } from "./harness/checks";
import { goTo, openConsole, operator, settled, signedIn } from "./harness/console";
import { NOTHING_SEEN, report } from "./harness/counters";
import { campaignBody, liveCampaign, shopper } from "./harness/fixture";
import { startKoi, type Koi } from "./harness/koi";

const LOOKS: [string, Look][] = [
  ["desktop-zh-light", { viewport: { width: 1440, height: 900 }, language: "zh", theme: "light", calm: true }],
  ["desktop-en-dark", { viewport: DESKTOP, language: "en", theme: "dark", calm: true }],
  ["phone-zh-dark", { viewport: PHONE, language: "zh", theme: "dark", calm: true }],
  ["phone-en-light", { viewport: PHONE, language: "en", theme: "light", calm: true }],
];

/** Some forty pages, on two cores that four of them share. */
const EVERY_PAGE_MS = 600_000;

let koi: Koi;
let browser: Browser;
let live: string;
let draft: string;
let me: string;

const ago = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
const PRODUCTS = {
  mug: { sku: "sku-mug", name: "手冲咖啡杯", category: "kitchen", price_cents: 3_900 },
  tea: { sku: "sku-tea", name: "桂花乌龙茶礼盒", category: "tea", price_cents: 4_500 },
} as const;
const bought = (id: string, days: number, products: (keyof typeof PRODUCTS)[]) => ({
  id,
  type: "purchase",
  shopper: "linxiaoman",
  at: ago(days),
  order_id: id,
  items: products.map((product) => ({ ...PRODUCTS[product], quantity: 2 })),
});

beforeAll(async () => {
  [koi, browser] = await Promise.all([startKoi(), launch()]);
  await operator(koi, "ada");
  await operator(koi, "grace", "campaign_manager");
  const coupon = { code: "c10", name: "满减券", kind: "coupon", value_cents: 1_000, cost_cents: 500, stock: 100 };
  const body = campaignBody();
  live = await liveCampaign(koi, {
    prizes: [...(body["prizes"] as object[]), coupon],
    tiers: [...(body["tiers"] as object[]), { code: "coupon", slots: 1, weight: 1_000, prizes: ["c10"] }],
    limits: { per_shopper: 500, per_day: 400, budget_cents: 5_000_000 },
    composition: { random_percent: 50 },
  });
  const made = await koi.shop<{ id: string }>("POST", "/campaigns", campaignBody({
    name: "新春九宫格",
    skin: "wheel",
    claim_days: 14,
    prizes: [...(body["prizes"] as object[]), { code: "trip", name: "双人海岛旅行", kind: "goods", category: "travel", value_cents: 1_299_900, cost_cents: 900_000 }],
    entry: { tickets: "draws", prize: "trip", winners: 2, alternates: 5 },
  }));
  draft = made.id;
  await koi.shop("POST", `/campaigns/${live}/prizes/c10/coupons`, { codes: ["SPRING-0001", "SPRING-0002"] });
  await koi.shop("POST", `/campaigns/${live}/codes`, { count: 20, chances: 1, per_shopper: 1 });
  await koi.shop("POST", "/exchange/items", { name: "一次抽奖机会", price_points: 50, stock: 100, gives: { chances: 1, campaign_id: live } });
  const item = await koi.shop<{ id: string }>("POST", "/exchange/items", { name: "桂花乌龙茶礼盒", price_points: 900, stock: 20, gives: { prize: { kind: "goods", value_cents: 4_500 } } });
  await koi.shop("POST", "/webhooks", { url: "http://127.0.0.1:9/koi", types: ["award.updated"] });
  await koi.shop("POST", "/events", [
    bought("o1", 75, ["mug", "tea"]),
    bought("o2", 40, ["tea"]),
    bought("o3", 12, ["mug", "tea"]),
    { id: "s1", type: "search", shopper: "linxiaoman", at: ago(12.01), query: "乌龙茶" },
    { id: "v1", type: "view", shopper: "linxiaoman", at: ago(1), sku: "sku-lamp" },
  ]);
  await koi.shop("PUT", "/segments/regulars", { expression: "profile.orders >= 3", description: "买过三次以上" });
  await koi.shop("PUT", "/segments/leaving", { expression: "profile.orders >= 3 && profile.churn_risk > 0.5", description: "可能流失的熟客" });
  const person = await shopper(koi, live, "linxiaoman", 20);
  await koi.as(person.token, "POST", `/campaigns/${live}/draws`, { count: 10 }, "draws");
  await koi.shop("POST", "/shoppers/linxiaoman/points", { amount: 2_000, business_key: "welcome", reason: "welcome" });
  await koi.as(person.token, "POST", `/exchange/items/${item.id}/orders`, { quantity: 2 }, "exchanged");
  // Somebody whose prizes wait for a look.
  const doubtful = await shopper(koi, live, "chenhao", 4);
  await koi.shop("PUT", "/shoppers/chenhao/risk", { score: 60, flags: ["hold"] });
  await koi.as(doubtful.token, "POST", `/campaigns/${live}/draws`, { count: 4 }, "held");
  const all = await koi.shop<{ data: { id: string; login: string }[] }>("GET", "/operators");
  me = all.data.find((one) => one.login === "ada")?.id ?? "";
});
afterAll(async () => {
  await browser?.close();
  await koi?.stop();
});

/** Every page by the name of its picture. */
const pages = (): [string, string][] => [
  ["dashboard", "/"],
  ["campaigns", "/campaigns"],
  ["new-campaign", "/campaigns/new"],
  ["overview", `/campaigns/${live}`],
  ["design", `/campaigns/${draft}/design`],
  ["prizes", `/campaigns/${draft}/design?step=prizes`],
  ["tiers", `/campaigns/${draft}/design?step=tiers`],
  ["pools", `/campaigns/${draft}/design?step=pools`],
  ["chances", `/campaigns/${draft}/design?step=chances`],
  ["limits", `/campaigns/${draft}/design?step=limits`],
  ["entry", `/campaigns/${draft}/design?step=entry`],
  ["check", `/campaigns/${draft}/design?step=check`],
  ["rehearse", `/campaigns/${draft}/rehearse`],
  ["drawing", `/campaigns/${live}/drawing`],
  ["flow", `/campaigns/${draft}/flow`],
  ["versions", `/campaigns/${live}/versions`],
  ["version", `/campaigns/${live}/versions?version=1`],
  ["rules", `/campaigns/${live}/rules`],
  ["draft-rules", `/campaigns/${draft}/rules`],
  ["codes", `/campaigns/${live}/codes`],
  ["exchange", "/exchange"],
  ["exchange-orders", "/exchange?tab=orders"],
  ["segments", "/segments"],
  ["coupons", `/campaigns/${live}/coupons`],
  ["refunds", `/campaigns/${live}/refunds`],
  ["shoppers", "/shoppers"],
  ["shopper", "/shoppers/linxiaoman"],
  ["shopper-profile", "/shoppers/linxiaoman?tab=profile"],
  ["shopper-events", "/shoppers/linxiaoman?tab=events"],
  ["shopper-points", "/shoppers/linxiaoman?tab=points"],
  ["shopper-strategy", "/shoppers/linxiaoman?tab=strategy"],
  ["draws", `/campaigns/${live}/draws`],
  ["awards", `/campaigns/${live}/awards`],
  ["orders", `/campaigns/${live}/orders`],
  ["strategies", `/campaigns/${live}/strategies`],
  ["strategy", `/campaigns/${live}/strategies?shopper=linxiaoman`],
  ["engines", "/engines"],
  ["models", "/models"],
  ["held", "/held"],
  ["deliveries", "/deliveries"],
  ["webhooks", "/webhooks"],
  ["operators", "/operators"],
  ["operator", `/operators/${me}`],
  ["api-keys", "/api-keys"],
  ["audit", "/audit"],
  ["account", "/account"],
];

const seen = { ...NOTHING_SEEN };
afterAll(() => report("console-pages", { ...seen }));

/** What is wrong with what the page shows now. */
async function look(page: Page, title: string): Promise<string[]> {
  const [axe, layout] = [await axeFindings(page), await layoutFindings(page)];
  seen.pages += 1;
  seen.axe_serious_or_critical += axe.length;
  seen.cut_or_overlapping += layout.length;
  return [...axe, ...layout].map((each) => `${title}: ${each}`);
}

describe.concurrent.each(LOOKS)("the console, %s", (name, how) => {
  it("shows the login without findings", async () => {
    const { context, errors } = await contextOf(browser, how);
    const page = await openConsole(context, koi, "/login");
    await picture(page, `console-login-${name}`, false);
    expect(await look(page, "login")).toEqual([]);
    // That nobody is signed in is what the server was asked.
    expect(errors.filter((error) => !error.includes("401"))).toEqual([]);
    await context.close();
  });

  it("shows every page without findings", async () => {
    const { context, errors } = await signedIn(browser, koi, "ada", how);
    const findings: string[] = [];
    const page = await openConsole(context, koi, "/");
    await settled(page);
    for (const [title, path] of pages()) {
      // Once by its address, as a link from elsewhere comes, where the address says more than which page it is; else from page to page.
      if (name === LOOKS[0]?.[0] && path.includes("?")) {
        await page.goto(`${koi.url}/console${path}`);
        await page.locator("h1").first().waitFor();
        await settled(page);
      } else {
        await goTo(page, path);
      }
      await picture(page, `console-${title}-${name}`, false);
      findings.push(...(await look(page, title)));
    }
    seen.console_errors += errors.length;
    expect(findings).toEqual([]);
    expect(errors).toEqual([]);
    await context.close();
  }, EVERY_PAGE_MS);
});
