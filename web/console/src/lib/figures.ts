import { connectLive, must, type LiveState, type Schema } from "@koi/client";
import { useEffect, useState } from "react";
import { koi } from "./koi";

export type Figures = Schema<"Figures">;

/** A point of the curve that grows while one looks. */
export interface Moment {
  at: number;
  drawsPerSecond: number;
}

/** Figures come every second: a connection that says nothing for so long is dead. */
const SILENT_MS = 5_000;
/** The curve keeps the last five minutes. */
const KEPT = 300;

export interface LiveFigures {
  state: LiveState;
  last: Figures | undefined;
  curve: readonly Moment[];
}

const NOTHING: LiveFigures = { state: "connecting", last: undefined, curve: [] };

/** A campaign's figures by the second, over a connection that heals itself. */
export function useFigures(campaign: string | undefined): LiveFigures {
  const [seen, setShown] = useState<LiveFigures & { of: string | undefined }>({ ...NOTHING, of: campaign });
  useEffect(() => {
    if (campaign === undefined) return;
    // What was seen of another campaign is no figure of this one.
    const fresh = (before: LiveFigures & { of: string | undefined }) => (before.of === campaign ? before : { ...NOTHING, of: campaign });
    const live = connectLive({
      ticket: async () => (await must(koi.POST("/api/v1/campaigns/{id}/live/tickets", { params: { path: { id: campaign } } }))).ticket,
      unresumed: ["campaign.figures"],
      silentMs: SILENT_MS,
      onState: (state) => setShown((before) => ({ ...fresh(before), state })),
      onMessage: (message) => {
        if (message.type !== "campaign.figures") return;
        const last = message.data;
        setShown((before) => ({ ...fresh(before), last, curve: [...fresh(before).curve, { at: Date.parse(message.at), drawsPerSecond: last.draws_per_second }].slice(-KEPT) }));
      },
    });
    return () => live.close();
  }, [campaign]);
  return seen.of === campaign ? seen : NOTHING;
}
