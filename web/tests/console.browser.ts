import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { graphOf } from "../console/src/pages/flow/graph";
import { contextOf, launch, openShopper, PHONE, type Look } from "./harness/browser";
import { axeFindings, layoutFindings, picture } from "./harness/checks";
import { openConsole, operator, PASSWORD, press, settled, signedIn, tabTo, type } from "./harness/console";
import { campaignBody, liveCampaign, shopper } from "./harness/fixture";
import { startKoi, type Koi } from "./harness/koi";

const LOOK: Look = { viewport: { width: 1440, height: 900 }, language: "en", theme: "light", calm: true };

let koi: Koi;
let browser: Browser;

beforeAll(async () => {
  [koi, browser] = await Promise.all([startKoi(), launch()]);
  await operator(koi, "ada");
  await operator(koi, "grace");
});
afterAll(async () => {
  await browser?.close();
  await koi?.stop();
});

const draft = async (change: Record<string, unknown> = {}) => (await koi.shop<{ id: string }>("POST", "/campaigns", campaignBody(change))).id;

describe.concurrent("sessions", () => {
  it("lead back to where one was: from a link, and when they end under one's hands", async () => {
    const id = await draft({ name: "Kept" });
    const context = await browser.newContext({ locale: "en-GB", viewport: LOOK.viewport });
    const page = await openConsole(context, koi, `/campaigns/${id}/design?step=limits`);
    await page.getByLabel("Login").fill("ada");
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByLabel("A week").waitFor();
    expect(page.url()).toContain(`/campaigns/${id}/design?step=limits`);

    await page.getByLabel("A week").fill("7");
    await context.clearCookies();
    await page.getByRole("button", { name: "Save" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Password", { exact: true }).fill("not my password");
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Saved", { exact: true }).first().waitFor();
    const saved = await koi.shop<{ limits: { per_week?: number } }>("GET", `/campaigns/${id}`);
    expect(saved.limits.per_week).toBe(7);
    await context.close();
  });
});

describe.concurrent("edits", () => {
  it("of two people at once are offered to be merged, and neither is lost", async () => {
    const id = await draft({ name: "Shared" });
    const [ada, grace] = await Promise.all([signedIn(browser, koi, "ada", LOOK), signedIn(browser, koi, "grace", LOOK)]);
    const one = await openConsole(ada.context, koi, `/campaigns/${id}/design?step=limits`);
    const two = await openConsole(grace.context, koi, `/campaigns/${id}/design?step=basics`);
    await one.getByLabel("A week").fill("9");
    await two.locator("#name").fill("Renamed by grace");
    await two.getByRole("button", { name: "Save" }).click();
    await two.getByText("Saved", { exact: true }).first().waitFor();
    await one.getByRole("button", { name: "Save" }).click();
    await one.getByRole("button", { name: "Merge mine" }).click();
    await one.getByRole("button", { name: "Save" }).click();
    await one.getByText("Saved", { exact: true }).first().waitFor();
    const saved = await koi.shop<{ name: string; limits: { per_week?: number } }>("GET", `/campaigns/${id}`);
    expect([saved.name, saved.limits.per_week]).toEqual(["Renamed by grace", 9]);
    await Promise.all([ada.context.close(), grace.context.close()]);
  });

  it("that are wrong show the server's problem at its field, and findings lead there", async () => {
    const id = await draft({ name: "Wrong", tiers: [{ code: "all", slots: 1, weight: 0, value_cents: { min: 1, max: 1_000_000 } }] });
    const { context } = await signedIn(browser, koi, "ada", LOOK);
    const page = await openConsole(context, koi, `/campaigns/${id}/design`);
    await page.getByRole("button", { name: "Publish" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Publish" }).click();
    await dialog.getByText("All weights are zero").waitFor();
    await dialog.getByRole("button", { name: "Go to field" }).first().click();
    await page.waitForURL(/step=(pools|tiers)/);
    await context.close();
  });

  it("that the server refuses are told at their field, and what was typed stays", async () => {
    const id = await draft({ name: "Refused" });
    const { context, errors } = await signedIn(browser, koi, "ada", LOOK);
    const page = await openConsole(context, koi, `/campaigns/${id}/design?step=tiers`);
    const weight = page.locator("#tiers_1_weight");
    await weight.fill("2000000000");
    // Refused by the server alone: the form knows no such bound.
    await page.getByRole("button", { name: "Limits" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL(/step=tiers/);
    await page.locator(".ant-form-item-has-error", { has: weight }).getByText(/weight/i).first().waitFor();
    expect(await weight.inputValue()).toBe("2000000000");
    await page.getByRole("button", { name: "Basics" }).click();
    await page.locator("#name").fill("");
    await page.getByRole("button", { name: "Save" }).click();
    await page.locator(".ant-form-item-has-error", { has: page.locator("#name") }).getByText("This is needed").waitFor();
    const kept = await koi.shop<{ name: string; tiers: { weight: number }[] }>("GET", `/campaigns/${id}`);
    expect([kept.name, kept.tiers[1]?.weight]).toEqual(["Refused", 1_500]);
    expect(errors.filter((error) => !error.includes("422"))).toEqual([]);
    await context.close();
  });

  it("are checked and shown as rules before they are saved, and nothing is changed by looking", async () => {
    const id = await draft({ name: "Looked at" });
    const { context, errors } = await signedIn(browser, koi, "ada", LOOK);
    const page = await openConsole(context, koi, `/campaigns/${id}/design?step=basics`);
    await page.locator("#name").fill("Seen beforehand");
    await page.getByText("Golden egg").click();
    await page.getByRole("button", { name: "Check and preview" }).click();
    await page.getByText("Checked with the unsaved changes").waitFor();
    await page.locator(".ant-card-head-title", { hasText: "Seen beforehand" }).waitFor();
    await page.getByText("Published odds").waitFor();
    // What would block publishing is named before anybody publishes, and leads to its field.
    await page.getByRole("button", { name: "Tiers and odds" }).click();
    for (const place of [0, 1, 2, 3]) await page.locator(`#tiers_${place}_weight`).fill("0");
    await page.getByRole("button", { name: "Check and preview" }).click();
    await page.getByText("All weights are zero").waitFor();
    await page.getByRole("button", { name: "Go to field" }).first().click();
    await page.waitForURL(/step=(pools|tiers)/);
    const kept = await koi.shop<{ name: string; skin?: string; version: number }>("GET", `/campaigns/${id}`);
    expect([kept.name, kept.skin ?? "nine_grid", kept.version]).toEqual(["Looked at", "nine_grid", 1]);
    expect(errors).toEqual([]);
    await context.close();
  });

  it("of how the draw looks and of a drawing at the end are saved", async ({ expect: here }) => {
    const trip = { code: "trip", name: "Island trip", kind: "goods", category: "travel", value_cents: 1_299_900, cost_cents: 900_000 };
    const id = await draft({ name: "With a drawing", prizes: [...(campaignBody()["prizes"] as object[]), trip] });
    const { context } = await signedIn(browser, koi, "ada", LOOK);
    const page = await openConsole(context, koi, `/campaigns/${id}/design?step=basics`);
    await page.getByText("Wheel", { exact: true }).click();
    await page.getByRole("button", { name: "Drawing at the end" }).click();
    await page.getByRole("switch", { name: "A drawing once the campaign is over" }).click();
    await page.getByLabel("Winners").fill("3");
    await page.locator("#entry_prize").click();
    await page.locator(".ant-select-item-option", { hasText: "Island trip" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved", { exact: true }).first().waitFor();
    const saved = async () => koi.shop<{ skin?: string; entry?: object }>("GET", `/campaigns/${id}`);
    const { skin, entry } = await saved();
    expect([skin, entry]).toEqual(["wheel", { tickets: "draws", prize: "trip", winners: 3, alternates: 0 }]);
    await page.getByRole("switch", { name: "A drawing once the campaign is over" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    // Of tests side by side each polls for itself.
    await here.poll(async () => (await saved()).entry, { timeout: 20_000 }).toBeUndefined();
    await context.close();
  });

  it("that leave a shopper worse off become a version that is announced", async () => {
    const id = await liveCampaign(koi, { name: "Promised" });
    const { context } = await signedIn(browser, koi, "ada", LOOK);
    const page = await openConsole(context, koi, `/campaigns/${id}/design?step=limits`);
    await page.getByLabel("A day", { exact: true }).fill("1");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("button", { name: "Make a version" }).click();
    await page.waitForURL(/versions\?version=2/);
    await page.getByRole("dialog").getByText("limits.per_day").waitFor();
    await page.getByRole("dialog").getByText("Against").first().waitFor();
    await context.close();
  });
});

describe("a rehearsal", () => {
  it.each([
    ["zh", "light"],
    ["en", "dark"],
  ] as const)("shows in pictures what a draft would come to, %s %s", async (language, theme) => {
    const body = campaignBody();
      // So little that some of it is gone before the end.
    const scarce = (body["prizes"] as { code: string; stock?: number }[]).map((prize) => (prize.stock === undefined ? prize : { ...prize, stock: prize.code === "mug" ? 40 : 120 }));
    const id = await draft({ name: "锦鲤好运季", prizes: scarce, limits: { budget_cents: 2_000_000 } });
    const { context, errors } = await signedIn(browser, koi, "ada", { ...LOOK, language, theme });
    const page = await openConsole(context, koi, `/campaigns/${id}/rehearse`);
    await page.locator("#shoppers").fill("100");
    await page.locator("#draws").fill("1000");
    await page.locator("form button[type=submit]").click();
    const charts = page.locator(".k-chart");
    await charts.nth(2).waitFor({ timeout: 60_000 });
    await settled(page);
    await picture(page, `console-rehearsed-desktop-${language}-${theme}`);
    expect([...(await axeFindings(page)), ...(await layoutFindings(page))]).toEqual([]);
    expect(await charts.count()).toBe(3);
    expect(errors).toEqual([]);
    await context.close();
  });
});

describe("held awards", () => {
  it("are given or ended by a person, who says why", async () => {
    const id = await liveCampaign(koi, { name: "Doubted", tiers: [{ code: "small", slots: 3, weight: 1, value_cents: { min: 1, max: 5_000 } }] });
    const person = await shopper(koi, id, "doubted", 2);
    await koi.shop("PUT", "/shoppers/doubted/risk", { score: 60, flags: ["hold"] });
    await koi.as(person.token, "POST", `/campaigns/${id}/draws`, { count: 2 }, "two");
    const { context, errors } = await signedIn(browser, koi, "ada", LOOK);
    const page = await openConsole(context, koi, "/held");
    const rows = page.locator(".ant-table-row");
    await expect.poll(() => rows.count(), { timeout: 30_000 }).toBe(2);
    await rows.first().getByRole("button", { name: "Give" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Give" }).click();
    await dialog.getByText("This is needed").waitFor();
    await dialog.getByLabel("Reason").fill("seen in the shop");
    await dialog.getByRole("button", { name: "Give" }).click();
    await expect.poll(() => rows.count(), { timeout: 20_000 }).toBe(1);
    await rows.first().getByRole("button", { name: "End" }).click();
    await dialog.getByLabel("Reason").fill("a stolen card");
    await dialog.getByRole("button", { name: "End" }).click();
    await expect.poll(() => rows.count(), { timeout: 20_000 }).toBe(0);
    const entries = await koi.shop<{ data: { act: string; asked: { approve?: boolean; reason?: string } }[] }>("GET", "/audit?act=award.handle");
    expect(entries.data.map(({ asked }) => [asked.approve, asked.reason])).toEqual([
      [false, "a stolen card"],
      [true, "seen in the shop"],
    ]);
    expect(errors).toEqual([]);
    await context.close();
  });
});

describe.concurrent("tables", () => {
  it("are narrowed, sorted and written by the server, and what was chosen stands in the address", async () => {
    const id = await liveCampaign(koi, { name: "With a shop" });
    for (const [name, price_points] of [["Cup", 300], ["apron", 90], ["Tea", 1_200]] as const) await koi.shop("POST", "/exchange/items", { name, price_points, stock: 9, gives: { chances: 1, campaign_id: id } });
    const { context, errors } = await signedIn(browser, koi, "ada", LOOK);
    const page = await openConsole(context, koi, "/exchange");
    const names = async () => page.locator(".ant-table-row td:first-child").allTextContents();
    const shows = (want: string[]) => page.waitForFunction((texts) => [...document.querySelectorAll(".ant-table-row td:first-child")].map((cell) => cell.textContent).join() === texts, want.join());
    const price = page.getByRole("columnheader", { name: "Price in points" });
    await shows(["Tea", "apron", "Cup"]);
    await price.click();
    await shows(["apron", "Cup", "Tea"]);
    await price.click();
    await shows(["Tea", "Cup", "apron"]);
    expect([new URL(page.url()).searchParams.get("sort"), await price.getAttribute("aria-sort")]).toEqual(["-price_points", "descending"]);
    await page.getByPlaceholder("Name").fill("up");
    await page.keyboard.press("Enter");
    await shows(["Cup"]);
    await page.reload();
    await shows(["Cup"]);
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export CSV" }).click()]);
    const lines = readFileSync(await file.path(), "utf8").split("\n").filter(Boolean);
    expect([lines.length, lines[0]?.startsWith("\uFEFFid,name,state,price_points"), lines[1]?.includes(",Cup,")]).toEqual([2, true, true]);
    await page.getByRole("button", { name: "Clear" }).click();
    await shows(["Tea", "Cup", "apron"]);
    await page.getByPlaceholder("Name").fill("nothing like it");
    await page.keyboard.press("Enter");
    await page.getByText("Nothing matches").waitFor();
    expect(await names()).toEqual([]);
    expect(errors).toEqual([]);
    await context.close();
  });
});

describe.concurrent("segments", () => {
  it("are refused at their condition's field, and listed once they are right", async () => {
    const { context, errors } = await signedIn(browser, koi, "ada", LOOK);
    const page = await openConsole(context, koi, "/segments");
    await page.getByRole("button", { name: "New segment" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name", { exact: true }).fill("Not a name");
    await dialog.getByLabel("Condition (CEL)").fill("profile.orders >=");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("1 to 64 of a to z").waitFor();
    await dialog.getByLabel("Name", { exact: true }).fill("regulars");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.locator(".ant-form-item-has-error", { has: page.getByLabel("Condition (CEL)") }).waitFor();
    await dialog.getByRole("button", { name: "Regulars who may leave" }).click();
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.locator(".ant-table-row", { hasText: "regulars" }).getByText("profile.churn_risk > 0.5").waitFor();
    expect(errors.filter((error) => !error.includes("422"))).toEqual([]);
    await context.close();
  });
});

describe.concurrent("dangerous acts", () => {
  it("ask for the password once more", async () => {
    // The session is fresh after signing in, so the server is made to say that it is not.
    const id = await liveCampaign(koi, { name: "Ending" });
    const { context } = await signedIn(browser, koi, "ada", LOOK);
    const page = await openConsole(context, koi, `/campaigns/${id}`);
    let refused = 0;
    await page.route("**/end", async (route) => {
      refused += 1;
      if (refused > 1) return route.continue();
      return route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify({ status: 403, code: "reauthentication_required", detail: "once more" }) });
    });
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "End" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "End" }).click();
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Confirm" }).click();
    await page.getByText("Ended").first().waitFor();
    expect(refused).toBe(2);
    await context.close();
  });
});

describe.concurrent("the flow editor", () => {
  const FLOWS = [
    "THEN(blacklist, window, limits, pool, draw, unlock, stock, IF(sold_out, fallback))",
    "checks = WHEN(blacklist, limits);\nTHEN(checks, CATCH(cooldown).DO(points_only), pool, draw.tag(\"roll\"), stock, IF(AND(sold_out, NOT(first_draw)), substitute).ELIF(sold_out, fallback))",
    "THEN(SWITCH(split.data('{\"shares\": [50, 50], \"salt\": 0}')).to(THEN(limits).tag('a'), blacklist.tag('b')).DEFAULT(window), pool, draw, stock, fallback)",
    "THEN(pool, draw, unlock, stock, FOR(2).DO(substitute).BREAK(NOT(sold_out)))",
  ];

  it("draws what the server draws", async () => {
    for (const flow of FLOWS) {
      const made = await koi.shop<{ id: string }>("POST", "/campaigns", campaignBody({ name: "Drawn", flow }));
      const theirs = await koi.shop<{ nodes: { id: string; kind: string; label: string; line: number; column: number; tag?: string }[]; edges: { from: string; to: string; label?: string }[] }>("GET", `/campaigns/${made.id}/flow?format=json`);
      const mine = graphOf(flow);
      expect(mine.boxes.map(({ id, kind, label, line, column, tag }) => ({ id, kind, label, line, column, tag }))).toEqual(
        theirs.nodes.map(({ id, kind, label, line, column, tag }) => ({ id, kind, label, line, column, tag })),
      );
      expect(mine.arrows).toEqual(theirs.edges.map((edge) => ({ label: "", ...edge })));
    }
  });

  it("edits the drawing by the text and the text by the drawing, with errors at their place", async () => {
    const id = await draft({ name: "Flowing", flow: FLOWS[0] });
    const { context } = await signedIn(browser, koi, "ada", LOOK);
    const page = await openConsole(context, koi, `/campaigns/${id}/flow`);
    const source = page.getByRole("textbox", { name: "Flow as text (EL)" });
    await source.fill("THEN(blacklist, window, limits, pool, draw, stock, IF(sold_out, fallback");
    await page.getByText("expected `)`").first().waitFor();
    await source.fill("THEN(blacklist, window, limits, pool, draw, stock, IF(sold_out, fallback))");
    await page.locator(".k-box", { hasText: "limits" }).waitFor();
    await page.locator(".react-flow__node", { hasText: "limits" }).click();
    await page.getByRole("region", { name: "Chosen box" }).getByRole("button", { name: "Remove" }).click();
    expect(await source.inputValue()).toBe("THEN(blacklist, window, pool, draw, stock, IF(sold_out, fallback))");
    // The server finds what the grammar alone cannot: a name that is nothing.
    await source.fill("THEN(blacklist, pool, drow, stock)");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("unknown rule `drow`").first().waitFor();
    await source.fill("THEN(blacklist, window, pool, draw, stock, IF(sold_out, fallback))");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved", { exact: true }).first().waitFor();
    const saved = await koi.shop<{ flow: string }>("GET", `/campaigns/${id}/flow`);
    expect(saved.flow).toContain("THEN(blacklist, window, pool, draw, stock");
    await context.close();
  });
});

const at = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

describe("the story by keyboard alone", () => {
  it("signs in, makes a campaign from a template, publishes it; a shopper draws on the phone, and the console shows it", async () => {
    const context = await browser.newContext({ locale: "en-GB", viewport: LOOK.viewport, reducedMotion: "reduce" });
    const page = await openConsole(context, koi, "/");
    await type(page, page.getByLabel("Login"), "grace");
    await type(page, page.getByLabel("Password", { exact: true }), PASSWORD);
    await page.keyboard.press("Enter");
    await press(page, page.getByRole("link", { name: "Campaigns" }));
    await press(page, page.getByRole("button", { name: "New campaign" }));
    await settled(page);
    await type(page, page.getByLabel("Name", { exact: true }), "By keyboard");
    await type(page, page.getByLabel("Starts", { exact: true }), `${at(-2)} 10:00`);
    await page.keyboard.press("Enter");
    await type(page, page.getByLabel("Ends", { exact: true }), `${at(20)} 10:00`);
    await page.keyboard.press("Enter");
    await press(page, page.getByRole("button", { name: "Create draft" }));
    await page.waitForURL(/design\?step=prizes/);
    await settled(page);
    await type(page, page.locator("#prizes_0_stock"), "77");
    await press(page, page.getByRole("button", { name: "Save" }));
    await page.getByText("Saved", { exact: true }).first().waitFor();
    await tabTo(page, page.getByRole("button", { name: "Publish" }), "Shift+Tab");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await press(page, dialog.getByRole("button", { name: "Publish" }));
    await page.getByText("Live", { exact: true }).first().waitFor();
    const all = (await koi.shop<{ data: { id: string; name: string; state: string; prizes: { stock?: number }[] }[] }>("GET", "/campaigns")).data;
    const newest = all.find((one) => one.name === "By keyboard");
    expect([newest?.name, newest?.state, newest?.prizes[0]?.stock]).toEqual(["By keyboard", "live", 77]);

    const person = await shopper(koi, newest?.id ?? "", "keyboarder", 3);
    const phone = await contextOf(browser, { viewport: PHONE, language: "zh", theme: "light", calm: true });
    const page2 = await openShopper(phone.context, koi.url, newest?.id ?? "", person.token);
    await press(page2, page2.locator(".kg-start"));
    await page2.getByTestId("result").waitFor();
    await press(page, page.getByRole("link", { name: "Overview" }));
    await page.waitForFunction(() => document.querySelector(".k-tile dd")?.textContent?.startsWith("1"));
    await phone.context.close();
    await context.close();
  });
});
