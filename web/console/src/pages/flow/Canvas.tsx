import "@xyflow/react/dist/base.css";
import { Background, Controls, Handle, MarkerType, Position, ReactFlow, type Edge, type Node, type NodeProps } from "@xyflow/react";
import { memo, useMemo, useRef } from "react";
import { useLook } from "../../lib/look";
import { useTexts } from "../../lib/texts";
import type { Box, Graph } from "./graph";
import { place } from "./layout";
import type { Lit } from "./path";
import type { Mark } from "./Source";

type BoxNode = Node<{ box: Box; label: string; isWrong: boolean; isLit: boolean; isDim: boolean; note: string }, "box">;

const BoxView = memo(function BoxView({ data, selected }: NodeProps<BoxNode>) {
  const { box, label } = data;
  const state = [data.isWrong ? "wrong" : "", data.isLit ? "lit" : "", data.isDim ? "dim" : ""].filter(Boolean).join(" ");
  return (
    <div className="k-box" data-kind={box.kind} data-state={state} data-chosen={selected} title={data.note}>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <span className="k-box-label">{label}</span>
      {box.tag && <span className="k-box-tag">{box.tag}</span>}
      {box.data && <span className="k-box-data" aria-hidden />}
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </div>
  );
});

const TYPES = { box: BoxView };

/** A long flow starts at its top, large enough to read; the rest is scrolled to. */
function startOf(nodes: BoxNode[], width: number): { x: number; y: number; zoom: number } {
  const right = Math.max(0, ...nodes.map((node) => node.position.x + (node.width ?? 0)));
  const zoom = Math.min(1, Math.max(0.6, (width - 32) / Math.max(1, right)));
  return { x: (width - right * zoom) / 2, y: 8, zoom };
}

interface Props {
  graph: Graph;
  chosen: string | undefined;
  onChoose: (box: Box | undefined) => void;
  /** The text is half typed, and this is the drawing of before. */
  isStale: boolean;
  marks: Mark[];
  /** What a trial draw passed; the rest fades. */
  lit?: Lit | undefined;
}

/** The flow as a drawing. Boxes are chosen by mouse, or by Tab and Enter; edits are made beside it. */
export function Canvas({ graph, chosen, onChoose, isStale, marks, lit }: Props) {
  const { t, word } = useTexts();
  const look = useLook();
  const nodes = useMemo((): BoxNode[] => {
    const labelOf = (box: Box) => {
      if (box.kind === "start" || box.kind === "end") return word("flow_box", box.kind);
      if (box.kind === "join") return word("flow_box", "join");
      return box.label;
    };
    const places = place(graph, labelOf);
    return graph.boxes.map((box) => {
      const at = places.get(box.id) ?? { x: 0, y: 0, width: 120, height: 44 };
      const label = labelOf(box);
      return {
        id: box.id,
        type: "box",
        position: { x: at.x, y: at.y },
        width: at.width,
        height: at.height,
        selected: box.id === chosen,
        ariaLabel: `${word("flow_shape", box.kind)} ${label}`,
        data: {
          box,
          label,
          isWrong: marks.some((mark) => mark.line === box.line && mark.column === box.column),
          isLit: lit?.boxes.has(box.id) ?? false,
          isDim: lit !== undefined && !lit.boxes.has(box.id),
          note: word("rule", box.label),
        },
      };
    });
  }, [graph, chosen, marks, lit, word]);
  const edges = useMemo((): Edge[] => {
    return graph.arrows.map((arrow, index) => {
      const passed = lit?.arrows.has(`${arrow.from}>${arrow.to}`) ?? false;
      const stroke = passed ? look.success : look.isDark ? "#5d6b69" : "#a3a99f";
      return {
        id: `e${index}`,
        source: arrow.from,
        target: arrow.to,
        type: "smoothstep",
        focusable: false,
        ...(arrow.label ? { label: word("flow_arrow", arrow.label) } : {}),
        labelStyle: { fill: look.ink2, fontSize: 12 },
        labelBgStyle: { fill: look.surface },
        style: { stroke, strokeWidth: passed ? 2.5 : 1.4 },
        markerEnd: { type: MarkerType.ArrowClosed, color: stroke, width: 16, height: 16 },
      };
    });
  }, [graph, look, lit, word]);
  const frame = useRef<HTMLElement>(null);
  return (
    <section className="k-canvas" data-layout-free ref={frame} aria-label={t("flow.graph")} data-stale={isStale}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        colorMode={look.isDark ? "dark" : "light"}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        deleteKeyCode={null}
        onInit={(drawing) => void drawing.setViewport(startOf(nodes, frame.current?.clientWidth ?? 600))}
        fitViewOptions={{ maxZoom: 1, padding: 0.08 }}
        minZoom={0.2}
        panOnScroll
        preventScrolling
        onNodeClick={(_, node) => onChoose(node.data.box)}
        onPaneClick={() => onChoose(undefined)}
        onNodesChange={(changes) => {
          // Enter and Space choose a box that Tab reached; the drawing itself never changes by hand.
          const taken = changes.find((change) => change.type === "select" && change.selected);
          if (taken && "id" in taken) onChoose(graph.boxes.find((box) => box.id === taken.id));
        }}
        proOptions={{ hideAttribution: true }}
        ariaLabelConfig={{
          "node.a11yDescription.default": t("flow.choose_hint"),
          "node.a11yDescription.keyboardDisabled": t("flow.choose_hint"),
          "controls.ariaLabel": t("flow.controls"),
          "controls.zoomIn.ariaLabel": t("flow.zoom_in"),
          "controls.zoomOut.ariaLabel": t("flow.zoom_out"),
          "controls.fitView.ariaLabel": t("flow.fit"),
        }}
      >
        <Background gap={20} color={look.line} />
        <Controls showInteractive={false} />
      </ReactFlow>
    </section>
  );
}
