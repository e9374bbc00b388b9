import { must, Problem } from "@koi/client";
import { Alert, App, Button, Modal, Space } from "antd";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useMemo, useState } from "react";
import { ifMatch, koi, tagged } from "../../lib/koi";
import { useLeaving } from "../../lib/leaving";
import { useProblemText } from "../../lib/problems";
import { useMay } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { ProblemNote } from "../../parts/basics";
import { Waiting } from "../../parts/Guard";
import { campaignKey, useCampaign } from "../campaign/CampaignFrame";
import { Announce } from "../campaign/design/Announce";
import { ElError } from "./el";
import { format } from "./edit";
import { graphOf, type Box, type Graph } from "./graph";
import { Canvas } from "./Canvas";
import { Inspector } from "./Inspector";
import { litOf } from "./path";
import { Source, type Mark } from "./Source";
import { TrialPanel, type Trial } from "./TrialPanel";

/** What the server says of a flow, each with its place. */
interface Said {
  line: number;
  column: number;
  message: string;
  hint?: string;
}

/** The rule flow of a campaign: its text and its drawing, each editing the other. */
export function FlowPage() {
  const { campaign } = useCampaign();
  const found = useQuery({
    queryKey: ["campaign", campaign.id, "flow"],
    queryFn: ({ signal }) => tagged(koi.GET("/api/v1/campaigns/{id}/flow", { params: { path: { id: campaign.id } }, signal })),
    refetchOnMount: "always",
  });
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Waiting />;
  return <Editor saved={found.data.value.flow} etag={found.data.etag} />;
}

function useParsed(text: string): { graph: Graph; error: ElError | undefined } {
  const [last, setLast] = useState<Graph>({ boxes: [], arrows: [] });
  const parsed = useMemo(() => {
    try {
      return { graph: graphOf(text), error: undefined };
    } catch (error) {
      if (error instanceof ElError) return { graph: undefined, error };
      throw error;
    }
  }, [text]);
  // While a text is half typed the drawing of before stays.
  if (parsed.graph && parsed.graph !== last) setLast(parsed.graph);
  return { graph: parsed.graph ?? last, error: parsed.error };
}

function Editor({ saved, etag }: { saved: string; etag: string | undefined }) {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const may = useMay();
  const [base, setBase] = useState({ text: saved, etag });
  const [text, setText] = useState(saved);
  const [chosen, setChosen] = useState<string>();
  const isDirty = text !== base.text;
  // Nothing was typed yet: what somebody else saved is simply shown.
  if (!isDirty && base.etag !== etag) {
    setBase({ text: saved, etag });
    setText(saved);
  }
  const { graph, error } = useParsed(text);
  const { save, said, against, setAgainst, clash, setClash } = useSave(text, base, setBase);
  useLeaving(isDirty);
  const canEdit = may("campaigns_publish") && campaign.state !== "ended" && campaign.state !== "archived";
  const checked = useCheck(text, error === undefined && canEdit);
  const marks: Mark[] = error ? [{ ...error.at, message: error.message, hint: error.hint }] : said.text === text ? said.all : checked;
  const [tried, setTried] = useState<{ text: string; trial: Trial }>();
  const lit = useMemo(() => (tried && tried.text === text ? litOf(graph, tried.trial.path, tried.trial.outcome === "drawn") : undefined), [tried, text, graph]);
  const box = graph.boxes.find((one) => one.id === chosen);
  const edit = (next: string | undefined) => {
    if (next !== undefined && canEdit) setText(next);
  };
  const choose = (next: Box | undefined) => setChosen(next?.id);
  return (
    <>
      <Space wrap style={{ marginBottom: 12 }}>
        <Button type="primary" disabled={!isDirty || error !== undefined || !canEdit} loading={save.isPending} onClick={() => save.mutate()}>
          {t("common.save")}
        </Button>
        <Button disabled={!isDirty} onClick={() => setText(base.text)}>
          {t("design.discard")}
        </Button>
        <Button disabled={error !== undefined || !canEdit} onClick={() => setText(format(text))}>
          {t("flow.format")}
        </Button>
        <output className="k-muted">{isDirty ? t("design.unsaved") : t("design.saved")}</output>
      </Space>
      {save.error && Problem.from(save.error).code !== "against_shopper" && Problem.from(save.error).status !== 412 && <SaveProblem error={save.error} />}
      <div className="k-flow">
        <Source text={text} onChange={edit} marks={marks} isReadOnly={!canEdit} chosen={box} />
        <Canvas graph={graph} chosen={chosen} onChoose={choose} isStale={error !== undefined} marks={marks} lit={lit} />
        <Inspector text={text} box={error ? undefined : box} onEdit={edit} isReadOnly={!canEdit} />
      </div>
      <TrialPanel text={text} isDisabled={error !== undefined} onTried={(trial) => setTried(trial && { text, trial })} />
      <Announce campaign={campaign} changes={against} onClose={() => setAgainst(undefined)} onDone={() => setText(base.text)} />
      <Modal
        open={clash !== undefined}
        title={t("stale.title")}
        onCancel={() => setClash(undefined)}
        width={720}
        footer={
          <>
            <Button
              danger
              onClick={() => {
                if (!clash) return;
                setBase({ text: clash.text, etag: clash.etag });
                setText(clash.text);
                setClash(undefined);
              }}
            >
              {t("stale.theirs")}
            </Button>
            <Button
              type="primary"
              onClick={() => {
                if (!clash) return;
                setBase({ text: clash.text, etag: clash.etag });
                setClash(undefined);
              }}
            >
              {t("flow.keep_mine")}
            </Button>
          </>
        }
      >
        <p>{t("flow.stale")}</p>
        <pre className="k-mono k-code">{clash?.text}</pre>
      </Modal>
    </>
  );
}

/** How long the text rests before the server is asked. */
const REST_MS = 400;

/** What the server finds in a text that reads well, a moment after it was typed. */
function useCheck(text: string, isWanted: boolean): Mark[] {
  const [rested, setRested] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRested(text), REST_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const asked = useDeferredValue(rested);
  const found = useQuery({
    queryKey: ["flow-check", asked],
    queryFn: ({ signal }) => must(koi.POST("/api/v1/flows/check", { body: { flow: asked }, signal })),
    enabled: isWanted && asked === text,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return found.data && asked === text ? found.data.errors : [];
}

function SaveProblem({ error }: { error: unknown }) {
  const text = useProblemText();
  return <Alert type="error" showIcon title={text(error)} style={{ marginBottom: 12 }} role="alert" />;
}

function useSave(text: string, base: { text: string; etag: string | undefined }, setBase: (base: { text: string; etag: string | undefined }) => void) {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const { message } = App.useApp();
  const queries = useQueryClient();
  const [said, setSaid] = useState<{ text: string; all: Mark[] }>({ text: "", all: [] });
  const [against, setAgainst] = useState<Record<string, unknown>>();
  const [clash, setClash] = useState<{ text: string; etag: string | undefined }>();
  const path = { id: campaign.id };
  const save = useMutation({
    mutationFn: () => tagged(koi.PUT("/api/v1/campaigns/{id}/flow", { params: { path, ...ifMatch(base.etag) }, body: { flow: text } })),
    onSuccess: async (after) => {
      setBase({ text, etag: after.etag });
      setSaid({ text: "", all: [] });
      queries.setQueryData(["campaign", campaign.id, "flow"], { value: { ...after.value, flow: text }, etag: after.etag });
      message.success(t("design.saved"));
      await queries.invalidateQueries({ queryKey: campaignKey(campaign.id), exact: true });
    },
    onError: async (thrown) => {
      const problem = Problem.from(thrown);
      if (problem.code === "against_shopper") setAgainst({ flow: text });
      if (problem.status === 412) {
        const current = await tagged(koi.GET("/api/v1/campaigns/{id}/flow", { params: { path } }));
        setClash({ text: current.value.flow, etag: current.etag });
      }
      const errors = problem.body["errors"];
      if (Array.isArray(errors)) setSaid({ text, all: errors as Said[] });
    },
  });
  return { save, said, against, setAgainst, clash, setClash };
}
