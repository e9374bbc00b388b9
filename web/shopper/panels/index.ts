import type { ReactNode } from "react";
import type { Panel } from "../route";
import { AwardsPanel } from "./Awards";
import { ChancesPanel } from "./Chances";
import { DrawPanel } from "./Draw";
import { PointsPanel } from "./Points";
import { RulesPanel } from "./Rules";

/** What stands beside or below the stage. */
export const CONTENT: Record<Panel, () => ReactNode> = { draw: DrawPanel, chances: ChancesPanel, awards: AwardsPanel, points: PointsPanel, rules: RulesPanel };
