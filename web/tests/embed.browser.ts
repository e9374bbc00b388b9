import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PHONE, contextOf, launch } from "./harness/browser";
import { axeFindings, picture } from "./harness/checks";
import { liveCampaign, shopper } from "./harness/fixture";
import { startKoi, type Koi } from "./harness/koi";

let shop: Server;
let shopUrl: string;
let koi: Koi;
let browser: Browser;
let page = "";

beforeAll(async () => {
  // The shop's page is of another origin, which koi is told of.
  shop = createServer((_, response) => response.setHeader("content-type", "text/html; charset=utf-8").end(page));
  await new Promise<void>((resolve) => shop.listen(0, "127.0.0.1", resolve));
  shopUrl = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`;
  [koi, browser] = await Promise.all([startKoi({ KOI__SHOPPERS__EMBED_ORIGINS: JSON.stringify([shopUrl]) }), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await koi?.stop();
  shop?.close();
});

it("draws inside a shop's page of another origin", async () => {
  const campaign = await liveCampaign(koi);
  const person = await shopper(koi, campaign, "ada", 5);
  page = `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Shop</title>
    <body style="margin:0;padding:24px"><h1>My shop</h1><koi-draw campaign="${campaign}" game="wheel" lang="en" theme="light"></koi-draw>
    <script src="${koi.url}/embed/koi-draw.js"></script>
    <script>
      const draw = document.querySelector("koi-draw");
      draw.addEventListener("koi-result", (event) => { document.title = event.detail[0].prize.name; });
      draw.tokenProvider = async () => "${person.token}";
    </script>`;
  const { context, errors } = await contextOf(browser, { viewport: PHONE, language: "en", theme: "light", calm: true });
  const shown = await context.newPage();
  await shown.goto(shopUrl);
  await shown.locator(".kg-hub:enabled").waitFor();
  await shown.getByText("5 draws left").waitFor();
  await picture(shown, "embed-wheel", false);
  expect(await axeFindings(shown)).toEqual([]);
  await shown.locator(".kg-hub").click();
  await shown.getByText("4 draws left").waitFor();
  const { data } = await koi.as<{ data: { prize: { name: string } }[] }>(person.token, "GET", `/campaigns/${campaign}/draws`);
  expect(await shown.title()).toBe(data[0]?.prize.name);
  expect(errors.filter((error) => !error.includes("status of 404"))).toEqual([]);
  await context.close();
});

it("takes a draw up again with a new token when the old one expires in the middle", async () => {
  const campaign = await liveCampaign(koi);
  const person = await shopper(koi, campaign, "bob", 3);
  const { token: short } = await koi.shop<{ token: string }>("POST", "/shoppers/bob/tokens", { ttl_seconds: 2 });
  page = `<!doctype html><html lang="en"><title>Shop</title><koi-draw campaign="${campaign}" lang="en"></koi-draw>
    <script src="${koi.url}/embed/koi-draw.js"></script>
    <script>
      const tokens = ["${short}", "${person.token}"];
      document.querySelector("koi-draw").tokenProvider = () => (tokens.length > 1 ? tokens.shift() : tokens[0]);
    </script>`;
  const { context } = await contextOf(browser, { viewport: PHONE, language: "en", theme: "light", calm: true });
  const shown = await context.newPage();
  await shown.goto(shopUrl);
  await shown.locator(".kg-start:enabled").waitFor();
  await expect.poll(() => koi.as(short, "GET", "/points").then(() => "holds", () => "expired"), { timeout: 20_000 }).toBe("expired");
  await shown.locator(".kg-start").click();
  await shown.getByText("2 draws left").waitFor();
  await shown.getByText(/You won|Nothing this time/).waitFor();
  await context.close();
});

it("asks to sign in without a token, and is kept out of pages that koi was not told of", async () => {
  const campaign = await liveCampaign(koi);
  const { context } = await contextOf(browser, { viewport: PHONE, language: "en", theme: "light", calm: true });
  page = `<!doctype html><html lang="en"><title>Shop</title><koi-draw campaign="${campaign}"></koi-draw><script src="${koi.url}/embed/koi-draw.js"></script>`;
  const shown = await context.newPage();
  await shown.goto(shopUrl);
  await shown.getByText("Please sign in to draw").waitFor();
  const refused = await shown.request.get(`${koi.url}/api/v1/campaigns/${campaign}/rules`, { headers: { origin: "http://evil.test" } });
  expect(refused.headers()["access-control-allow-origin"]).toBeUndefined();
  await context.close();
});
