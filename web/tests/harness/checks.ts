import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PICTURES = process.env["KOI_SCREENSHOTS"] ?? fileURLToPath(new URL("../../../target/screenshots", import.meta.url));

/** Writes target/screenshots/NAME.png. */
export async function picture(page: Page, name: string, fullPage = true): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  const viewport = page.viewportSize();
  // What is fixed to the foot of the screen belongs at the foot of the picture.
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  if (fullPage && viewport) await page.setViewportSize({ width: viewport.width, height: Math.max(height, viewport.height) });
  await page.screenshot({ path: `${PICTURES}/${name}.png`, animations: "disabled" });
  if (fullPage && viewport) await page.setViewportSize(viewport);
}

/** Serious and critical findings of axe on the page, one line each. */
export async function axeFindings(page: Page): Promise<string[]> {
  // Past the page's own policy, which lets no foreign script in; once for as long as the document stands.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: (root: Document, options: object) => Promise<{ violations: AxeFinding[] }> } };
    interface AxeFinding {
      id: string;
      impact: string;
      nodes: { target: string[]; failureSummary?: string }[];
    }
    // Every rule runs; only what it passed is not written down at length, and no sound or film is waited for: there is none.
    const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false });
    return violations
      .filter((finding) => finding.impact === "serious" || finding.impact === "critical")
      .flatMap((finding) => finding.nodes.map((node) => `${finding.id}: ${node.target.join(" ")}: ${node.failureSummary ?? ""}`));
  });
}

/**
 * Texts that are cut off or lie over each other, and a page that is wider than the screen. Text that is shortened on purpose (an ellipsis,
 * clamped lines) is no finding; neither is what stands in a layer above (a dialog, the fixed navigation).
 */
export function layoutFindings(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    // All of it runs in the page, so nothing can stand outside.
    /* oxlint-disable unicorn/consistent-function-scoping */
    const findings: string[] = [];
    if (document.documentElement.scrollWidth > innerWidth + 1) findings.push(`the page is ${document.documentElement.scrollWidth} px wide of ${innerWidth}`);
    const isShown = (element: Element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const layer = (element: Element): Element => {
      for (let at: Element | null = element; at; at = at.parentElement) {
        const { position } = getComputedStyle(at);
        if (position === "fixed" || at.matches("dialog, .visually-hidden, .ant-dropdown, .ant-modal-root, canvas")) return at;
        if (position === "sticky") return at;
      }
      return document.body;
    };
    const boxes: { text: string; box: DOMRect; element: Element; layer: Element }[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      const text = node.textContent?.trim() ?? "";
      if (!element || !text || !isShown(element) || element.closest(".visually-hidden, svg, [data-layout-free]")) continue;
      // For ears alone.
      if (getComputedStyle(element).clipPath !== "none") continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const box = range.getBoundingClientRect();
      if (box.width < 1 || box.height < 1) continue;
      for (let at: Element | null = element; at && at !== document.body; at = at.parentElement) {
        const style = getComputedStyle(at);
        const isShortened = style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none";
        if (isShortened || /auto|scroll/.test(style.overflowX + style.overflowY)) break;
        if (style.overflow === "hidden" || style.overflow === "clip") {
          const around = at.getBoundingClientRect();
          if (box.right > around.right + 1 || box.left < around.left - 1 || box.bottom > around.bottom + 1 || box.top < around.top - 1) {
            if (!at.matches(".kg-reel, .kg-card")) findings.push(`cut: "${text.slice(0, 40)}" in ${at.className || at.tagName}`);
          }
          break;
        }
      }
      boxes.push({ text, box, element, layer: layer(element) });
    }
    // From top to bottom, so that a box meets those alone that begin before it ends.
    boxes.sort((a, b) => a.box.top - b.box.top);
    for (const [index, a] of boxes.entries()) {
      for (let other = index + 1; other < boxes.length; other += 1) {
        const b = boxes[other];
        if (!b || b.box.top > a.box.bottom - 4) break;
        const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
        const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
        if (wide <= 3 || high <= 4) continue;
        if (a.layer !== b.layer || a.element.contains(b.element) || b.element.contains(a.element)) continue;
        findings.push(`over each other: "${a.text.slice(0, 30)}" and "${b.text.slice(0, 30)}"`);
      }
    }
    return findings.slice(0, 20);
  });
}
