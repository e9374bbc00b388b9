/** The panels, each with its address below the campaign's. */
export const PANELS = ["draw", "chances", "awards", "points", "rules"] as const;
export type Panel = (typeof PANELS)[number];

export interface Route {
  campaign: string | undefined;
  panel: Panel;
}

/** `/c/{campaign}` and `/c/{campaign}/{panel}`. */
export function parseRoute(path: string): Route {
  const [, c, campaign, panel] = path.split("/");
  const known = PANELS.find((name) => name === panel) ?? "draw";
  return { campaign: c === "c" && campaign && /^\d{1,20}$/.test(campaign) ? campaign : undefined, panel: known };
}

export function panelPath(campaign: string, panel: Panel): string {
  return panel === "draw" ? `/c/${campaign}` : `/c/${campaign}/${panel}`;
}
