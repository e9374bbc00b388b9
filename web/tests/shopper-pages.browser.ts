import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DESKTOP, PHONE, contextOf, launch, openShopper, type Look } from "./harness/browser";
import { axeFindings, layoutFindings, picture } from "./harness/checks";
import { NOTHING_SEEN, report } from "./harness/counters";
import { campaignBody, liveCampaign, personal, purchases, shopper, stockShop, type Person } from "./harness/fixture";
import { startKoi, type Koi } from "./harness/koi";

const PANELS = ["draw", "chances", "awards", "points", "rules"];
/** What a panel has once its lists are read. */
const READY: Record<string, string> = {
  draw: ".list .tile",
  chances: "#panel .list li",
  awards: "#panel .list li",
  points: "#statement-title ~ .list li",
  rules: ".odds",
};
const GAMES = ["grid", "wheel", "scratch", "egg", "slots"];
const LOOKS: [string, Look][] = [
  ["phone-zh-light", { viewport: PHONE, language: "zh", theme: "light" }],
  ["phone-en-dark", { viewport: PHONE, language: "en", theme: "dark" }],
  ["desktop-en-light", { viewport: DESKTOP, language: "en", theme: "light" }],
  ["desktop-zh-dark", { viewport: DESKTOP, language: "zh", theme: "dark" }],
];

/** Won in a drawing at the end. */
const TRIP = { code: "trip", name: "双人海岛旅行", kind: "goods", category: "travel", value_cents: 1_299_900, cost_cents: 900_000 };

let koi: Koi;
let browser: Browser;
let campaign: string;
/** One for each look: they are looked at side by side, and a shopper draws once at a time. */
const people = new Map<string, Person>();

beforeAll(async () => {
  [koi, browser] = await Promise.all([startKoi(), launch()]);
  await Promise.all(LOOKS.map(([look]) => purchases(koi, `linxiaoman-${look}`)));
  campaign = await liveCampaign(koi, { prizes: [...(campaignBody()["prizes"] as object[]), TRIP], entry: { tickets: "draws", prize: "trip", winners: 2 } });
  await stockShop(koi, campaign);
  await Promise.all(LOOKS.map(([look]) => somebody(look)));
});

/** A shopper with something to show everywhere: draws, awards, points and orders. */
async function somebody(look: string): Promise<void> {
  const name = `linxiaoman-${look}`;
  const person = await shopper(koi, campaign, name, 40);
  people.set(look, person);
  await personal(koi, campaign, person.token);
  await koi.as(person.token, "POST", `/campaigns/${campaign}/orders`, { kind: "sign_in" }, "sign-in");
  await koi.shop("POST", `/shoppers/${name}/points`, { amount: 300, business_key: "hello", reason: "welcome" });
  await koi.as(person.token, "POST", `/campaigns/${campaign}/orders`, { kind: "paid", quantity: 2 }, "paid");
  await koi.as(person.token, "POST", `/campaigns/${campaign}/draws`, { count: 7 }, "draws");
}

const seen = { ...NOTHING_SEEN };
afterAll(() => report("shopper-pages", { ...seen }));

/** What is wrong with what the page shows now. */
async function look(page: Page, title: string): Promise<string[]> {
  const [axe, layout] = [await axeFindings(page), await layoutFindings(page)];
  seen.pages += 1;
  seen.axe_serious_or_critical += axe.length;
  seen.cut_or_overlapping += layout.length;
  return [...axe, ...layout].map((each) => `${title}: ${each}`);
}

afterAll(async () => {
  await browser?.close();
  await koi?.stop();
});

describe("forms of the shopper's page", () => {
  const LOOK: Look = { viewport: PHONE, language: "zh", theme: "light", calm: true };

  it("show what the server refuses at its field, keep what was typed, and let go of it once it is changed", async () => {
    const person = await shopper(koi, campaign, "forms", 1);
    const [code] = (await koi.shop<{ codes: string[] }>("POST", `/campaigns/${campaign}/codes`, { count: 1, chances: 2 })).codes;
    const { context, errors } = await contextOf(browser, LOOK);
    const page = await openShopper(context, koi.url, campaign, person.token, "chances");
    const input = page.getByPlaceholder("输入兑换码");
    const form = page.locator("form", { has: input });
    const refused = form.getByRole("alert");
    await input.fill("NOBODY-HAS-THIS");
    await page.keyboard.press("Enter");
    await refused.waitFor();
    expect([await input.inputValue(), await input.getAttribute("aria-invalid"), await input.evaluate((node) => node === document.activeElement)]).toEqual(["NOBODY-HAS-THIS", "true", true]);
    expect(await look(page, "refused code")).toEqual([]);
    await input.fill(code ?? "");
    expect(await refused.count()).toBe(0);
    await page.keyboard.press("Enter");
    await expect.poll(() => input.inputValue(), { timeout: 20_000 }).toBe("");
    // Used up: another refusal, at the same place.
    await input.fill(code ?? "");
    await page.keyboard.press("Enter");
    await refused.waitFor();
    // Points that one does not have are refused beside their button.
    const buy = page.locator(".way", { hasText: "用积分换次数" });
    await buy.getByRole("button", { name: "兑换" }).click();
    await buy.getByRole("alert").waitFor();
    expect(errors.filter((error) => !/40[49]/.test(error))).toEqual([]);
    await context.close();
  });

  it("of an address show the server's refusal at the line that it names", async () => {
    // Every draw wins goods here.
    const goods = await liveCampaign(koi, { tiers: [{ code: "small", slots: 3, weight: 1, value_cents: { min: 1, max: 5_000 } }] });
    const person = await shopper(koi, goods, "sender", 1);
    await koi.as(person.token, "POST", `/campaigns/${goods}/draws`, {}, "one");
    const { context, errors } = await contextOf(browser, LOOK);
    const page = await openShopper(context, koi.url, goods, person.token, "awards");
    await page.getByRole("button", { name: /^领取/ }).click();
    const line = (name: string) => page.locator(`[name="${name}"]`);
    for (const [name, value] of [["name", "林小满"], ["phone", "+86 138 0013 8000"], ["city", "上海"]] as const) await line(name).fill(value);
    // A control character, which the form's own check does not look for.
    await line("street").fill("南京西路\u00851 号");
    await page.locator("form button[type=submit]").click();
    await page.locator(".field.is-street .field-error").waitFor();
    expect(await line("street").evaluate((node) => node === document.activeElement)).toBe(true);
    expect(await page.locator(".field-error").count()).toBe(1);
    await line("street").fill("南京西路 1 号");
    await page.locator("form button[type=submit]").click();
    await expect.poll(async () => (await koi.as<{ data: { state: string }[] }>(person.token, "GET", "/awards")).data[0]?.state, { timeout: 20_000 }).toBe("claimed");
    expect(errors.filter((error) => !error.includes("422"))).toEqual([]);
    await context.close();
  });
});

describe.concurrent.each(LOOKS)("the shopper's page, %s", (name, how) => {
  const token = () => people.get(name)?.token ?? "";

  it("shows every panel without findings", async () => {
    const { context, errors } = await contextOf(browser, how);
    const findings: string[] = [];
    const page = await openShopper(context, koi.url, campaign, token());
    for (const panel of PANELS) {
      await page.locator(`.nav a[href$="/${panel === "draw" ? campaign : panel}"]`).click();
      await page.locator(READY[panel] ?? "").first().waitFor();
      await picture(page, `shopper-${panel}-${name}`);
      findings.push(...(await look(page, panel)));
    }
    seen.console_errors += errors.length;
    expect(findings).toEqual([]);
    expect(errors).toEqual([]);
    await context.close();
  });

  it("shows every game and a result without findings", async () => {
    const { context, errors } = await contextOf(browser, { ...how, calm: true });
    const page = await openShopper(context, koi.url, campaign, token());
    const findings: string[] = [];
    for (const game of GAMES) {
      await page.locator(`.picker label:has(input[value=${game}])`).click();
      await page.locator(".game .kg").waitFor();
      await picture(page, `shopper-game-${game}-${name}`, false);
      findings.push(...(await look(page, game)));
    }
    await page.locator(".picker label:has(input[value=grid])").click();
    await page.locator(".kg-start").click();
    await page.getByTestId("result").waitFor();
    await picture(page, `shopper-result-${name}`, false);
    findings.push(...(await look(page, "result")));
    await page.getByTestId("close-result").click();
    seen.console_errors += errors.length;
    expect(findings).toEqual([]);
    expect(errors).toEqual([]);
    await context.close();
  });
});
