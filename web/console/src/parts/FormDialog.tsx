import { Alert, App, Form, Modal, type FormInstance } from "antd";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { placeProblem, useProblemText } from "../lib/problems";
import { useTexts } from "../lib/texts";

interface Props<Given> {
  isOpen: boolean;
  onClose: () => void;
  title: string;
  ok: string;
  isDanger?: boolean;
  initial?: Partial<Given>;
  /** What is asked for again once it is done. */
  refresh: readonly unknown[];
  act: (given: Given, form: FormInstance<Given>) => Promise<unknown>;
  children: ReactNode;
  width?: number;
}

/** A form in a dialog: problems at their fields, else above; lists asked for again once it is done. */
export function FormDialog<Given extends object>({ isOpen, onClose, title, ok, isDanger = false, initial, refresh, act, children, width = 520 }: Props<Given>) {
  const { t } = useTexts();
  const { message } = App.useApp();
  const text = useProblemText();
  const queries = useQueryClient();
  const [form] = Form.useForm<Given>();
  const [problem, setProblem] = useState<string>();
  const run = useMutation({
    mutationFn: (given: Given) => act(given, form),
    onMutate: () => setProblem(undefined),
    onSuccess: async () => {
      message.success(t("common.done"));
      onClose();
      await queries.invalidateQueries({ queryKey: refresh });
    },
    onError: (thrown) => {
      if (!placeProblem(form, thrown, text(thrown))) setProblem(text(thrown));
    },
  });
  return (
    <Modal
      open={isOpen}
      title={title}
      width={width}
      onCancel={onClose}
      okText={ok}
      okButtonProps={{ loading: run.isPending, danger: isDanger }}
      onOk={() => form.submit()}
      destroyOnHidden
      afterClose={() => setProblem(undefined)}
    >
      {problem && <Alert type="error" showIcon title={problem} style={{ marginBottom: 12 }} />}
      <Form form={form} layout="vertical" preserve={false} onFinish={(given: Given) => run.mutate(given)} {...(initial ? { initialValues: initial } : {})}>
        {children}
      </Form>
    </Modal>
  );
}
