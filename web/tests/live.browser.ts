import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DESKTOP, PHONE, contextOf, launch, openShopper } from "./harness/browser";
import { operator, PASSWORD } from "./harness/console";
import { liveCampaign, shopper } from "./harness/fixture";
import { startKoi, type Koi } from "./harness/koi";
import { startProxy, type Proxy } from "./harness/proxy";

let koi: Koi;
let browser: Browser;
let way: Proxy;

beforeAll(async () => {
  [koi, browser] = await Promise.all([startKoi(), launch()]);
  way = await startProxy(koi.url, "/api/v1/live?");
  await operator(koi, "ada");
});
afterAll(async () => {
  await browser?.close();
  await way?.stop();
  await koi?.stop();
});

const points = (name: string, amount: number) => koi.shop("POST", `/shoppers/${name}/points`, { amount, business_key: `${name}-${amount}`, reason: "browser test" });

it("a shopper sees that the live connection is cut, and that it heals; nothing told meanwhile is missed", async () => {
  const campaign = await liveCampaign(koi);
  const person = await shopper(koi, campaign, "ada", 1);
  const { context, errors } = await contextOf(browser, { viewport: PHONE, language: "en", theme: "light", calm: true });
  const page = await openShopper(context, way.url, campaign, person.token);
  const state = page.locator(".live");
  const balance = page.locator(".stage-row .left").last().locator("strong");
  await page.locator(".live.is-open").waitFor();
  await points("ada", 7);
  await balance.getByText("7", { exact: true }).waitFor();

  way.set("cut");
  await page.locator(".live.is-broken").waitFor();
  expect(await state.textContent()).toContain("Connection lost");
  expect(await state.isVisible()).toBe(true);
  // The page itself goes on: the draw's answer comes by the other way.
  await points("ada", 30);
  await page.locator(".kg-start:enabled").click();
  await page.getByTestId("result").waitFor();
  await page.getByTestId("close-result").click();
  const tries = way.count;
  await expect.poll(() => way.count, { timeout: 30_000 }).toBeGreaterThan(tries + 1);

  way.set("through");
  await page.locator(".live.is-open").waitFor();
  const { balance: known } = await koi.as<{ balance: number }>(person.token, "GET", "/points");
  await balance.getByText(String(known), { exact: true }).waitFor();
  // And it speaks again.
  await points("ada", 500);
  await balance.getByText(String(known + 500), { exact: true }).waitFor();
  expect(errors.filter((error) => !error.includes("WebSocket"))).toEqual([]);
  await context.close();
});

it.each([
  ["cut", "cut"],
  ["silent though it is open", "mute"],
] as const)("an operator sees a connection that is %s, and figures again once it heals", async (_, mode) => {
  const campaign = await liveCampaign(koi, { name: `Figures ${mode}` });
  const person = await shopper(koi, campaign, `bob-${mode}`, 3);
  const { context, errors } = await contextOf(browser, { viewport: DESKTOP, language: "en", theme: "light", calm: true });
  const answer = await context.request.post(`${way.url}/api/v1/session`, { data: { login: "ada", password: PASSWORD } });
  expect(answer.status()).toBe(201);
  const page = await context.newPage();
  await page.goto(`${way.url}/console/campaigns/${campaign}`);
  const dot = page.locator(".k-live");
  await page.locator('.k-live[data-state="open"]').waitFor();
  const draws = page.locator(".k-tile dd").first();
  await draws.getByText(/^0/).waitFor();

  way.set(mode);
  await page.locator('.k-live[data-state="broken"]').waitFor();
  expect(await dot.textContent()).toContain("Connection lost, reconnecting");
  await koi.as(person.token, "POST", `/campaigns/${campaign}/draws`, { count: 3 }, "three");

  way.set("through");
  await page.locator('.k-live[data-state="open"]').waitFor();
  await draws.getByText(/^3/).waitFor();
  expect(errors.filter((error) => !error.includes("WebSocket"))).toEqual([]);
  await context.close();
});
