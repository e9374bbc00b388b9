import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DESKTOP, PHONE, contextOf, launch, openShopper, type Look } from "./harness/browser";
import { axeFindings, layoutFindings, picture } from "./harness/checks";
import { liveCampaign, personal, purchases, shopper, stockShop, type Person } from "./harness/fixture";
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

let koi: Koi;
let browser: Browser;
let campaign: string;
let person: Person;

beforeAll(async () => {
  [koi, browser] = await Promise.all([startKoi(), launch()]);
  await purchases(koi, "linxiaoman");
  campaign = await liveCampaign(koi);
  person = await shopper(koi, campaign, "linxiaoman", 40);
  await personal(koi, campaign, person.token);
  await stockShop(koi, campaign);
  // Something to show everywhere: draws, awards, points and orders.
  await koi.as(person.token, "POST", `/campaigns/${campaign}/orders`, { kind: "sign_in" }, "sign-in");
  await koi.shop("POST", "/shoppers/linxiaoman/points", { amount: 300, business_key: "hello", reason: "welcome" });
  await koi.as(person.token, "POST", `/campaigns/${campaign}/orders`, { kind: "paid", quantity: 2 }, "paid");
  await koi.as(person.token, "POST", `/campaigns/${campaign}/draws`, { count: 7 }, "draws");
});
afterAll(async () => {
  await browser?.close();
  await koi?.stop();
});

describe.each(LOOKS)("the shopper's page, %s", (name, look) => {
  it("shows every panel without findings", async () => {
    const { context, errors } = await contextOf(browser, look);
    const findings: string[] = [];
    const page = await openShopper(context, koi.url, campaign, person.token);
    for (const panel of PANELS) {
      await page.locator(`.nav a[href$="/${panel === "draw" ? campaign : panel}"]`).click();
      await page.locator(READY[panel] ?? "").first().waitFor();
      await picture(page, `shopper-${panel}-${name}`);
      const found = [...(await axeFindings(page)), ...(await layoutFindings(page))];
      findings.push(...found.map((each) => `${panel}: ${each}`));
    }
    expect(findings).toEqual([]);
    expect(errors).toEqual([]);
    await context.close();
  });

  it("shows every game and a result without findings", async () => {
    const { context, errors } = await contextOf(browser, { ...look, calm: true });
    const page = await openShopper(context, koi.url, campaign, person.token);
    const findings: string[] = [];
    for (const game of GAMES) {
      await page.locator(`.picker label:has(input[value=${game}])`).click();
      await page.locator(".game .kg").waitFor();
      await picture(page, `shopper-game-${game}-${name}`, false);
      const found = [...(await axeFindings(page)), ...(await layoutFindings(page))];
      findings.push(...found.map((each) => `${game}: ${each}`));
    }
    await page.locator(".picker label:has(input[value=grid])").click();
    await page.locator(".kg-start").click();
    await page.getByTestId("result").waitFor();
    await picture(page, `shopper-result-${name}`, false);
    findings.push(...(await axeFindings(page)), ...(await layoutFindings(page)));
    await page.getByTestId("close-result").click();
    expect(findings).toEqual([]);
    expect(errors).toEqual([]);
    await context.close();
  });
});
