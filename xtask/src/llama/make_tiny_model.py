"""Write a tiny llama-arch GGUF without any downloaded weights.
  random : random weights (seeded) -> garbage text, exercises grammar / limits
  oracle : attention and FFN output are zero, embeddings are one-hot, so the model is an exact
           bigram table: next-token logprobs are KNOWN in advance (real server, known answer)
usage: make_tiny_model.py {random|oracle} OUT.gguf [seed]
"""
import sys, numpy as np, gguf
kind, out = sys.argv[1], sys.argv[2]
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 7

def byte_unicode():                       # GPT-2 byte <-> printable unicode table
    bs = list(range(33,127))+list(range(161,173))+list(range(174,256)); cs = bs[:]; n = 0
    for b in range(256):
        if b not in bs: bs.append(b); cs.append(256+n); n += 1
    return {b: chr(c) for b, c in zip(bs, cs)}
BU = byte_unicode()
enc = lambda s: "".join(BU[b] for b in s.encode())
T = gguf.TokenType
toks, types = [], []
def add(t, ty=T.NORMAL): toks.append(t); types.append(ty); return len(toks)-1
for b in range(256): add(BU[b])
merges = []
def add_word(s):                          # one token for a whole string, with its merge chain
    e = enc(s); cur = e[0]
    for ch in e[1:]:
        m = f"{cur} {ch}"
        if m not in merges: merges.append(m)
        cur += ch
        if cur not in toks: add(cur)
    return toks.index(e)
W = {w: add_word(w) for w in ["B组", "选C", "抱歉", "Sorry", "null"]}
BOS = add("<|bos|>", T.CONTROL); EOS = add("<|im_end|>", T.CONTROL); IMS = add("<|im_start|>", T.CONTROL)
ASK = add("<|answer|>", T.CONTROL)        # last prompt token: the chat template puts it after "assistant\n"
while len(toks) % 32: add(f"<|unused{len(toks)}|>", T.UNUSED)
V = len(toks)
D = V if kind == "oracle" else 64
H, L, F, CTX = (4 if D % 4 == 0 else 1), (1 if kind == "oracle" else 2), 64, 4096
rng = np.random.default_rng(seed)
w = gguf.GGUFWriter(out, "llama")
w.add_name(f"tiny-{kind}"); w.add_context_length(CTX); w.add_embedding_length(D); w.add_block_count(L)
w.add_feed_forward_length(F); w.add_head_count(H); w.add_head_count_kv(H); w.add_layer_norm_rms_eps(1e-6)
w.add_rope_dimension_count(D//H); w.add_vocab_size(V); w.add_file_type(gguf.LlamaFileType.ALL_F32)
w.add_tokenizer_model("gpt2"); w.add_tokenizer_pre("gpt-2"); w.add_token_list(toks); w.add_token_types(types)
w.add_token_merges(merges); w.add_bos_token_id(BOS); w.add_eos_token_id(EOS); w.add_add_bos_token(False)
w.add_chat_template("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
                    "{% if add_generation_prompt %}<|im_start|>assistant\n<|answer|>{% endif %}")
f32 = lambda *s, sc=0.02: (rng.standard_normal(s)*sc).astype(np.float32)
if kind == "oracle":
    logp = np.full((V, V), np.log(1e-6), np.float32)             # [current, next]
    def row(cur, dist):
        rest = 1-sum(dist.values()); free = [i for i in range(V) if i not in dist]
        logp[cur, :] = np.log(max(rest, 1e-9)/len(free))
        for k, p in dist.items(): logp[cur, k] = np.log(p)
    c = lambda ch: ord(ch)                                      # token id of an ASCII byte is the byte value's index
    c = lambda ch: toks.index(BU[ord(ch)])
    letters = {c("A"): .10, c("B"): .50, c("C"): .25, c("D"): .05}
    row(ASK, {**letters, W["B组"]: .04, W["抱歉"]: .02, c("{"): .03})   # free-text answer
    row(c('"'), {**letters, c(":"): .02, c("}"): .02})           # inside JSON: after a quote
    for ch in "ABCD": row(c(ch), {EOS: .6, c('"'): .39})
    for k in W.values(): row(k, {EOS: .98})
    row(c("{"), {c('"'): .98}); row(c("}"), {EOS: .98}); row(c(":"), {c('"'): .98})
    emb = np.eye(V, D, dtype=np.float32)
    outw = (logp.T/np.sqrt(D)).astype(np.float32)                # RMSNorm(one-hot) = sqrt(D) * one-hot
    z = np.zeros
    att, ffd = np.zeros((D, D), np.float32), np.zeros((D, F), np.float32)
else:
    emb, outw = f32(V, D, sc=1.0), f32(V, D, sc=0.5); att = ffd = None
w.add_tensor("token_embd.weight", emb); w.add_tensor("output_norm.weight", np.ones(D, np.float32)); w.add_tensor("output.weight", outw)
for i in range(L):
    p = f"blk.{i}."
    w.add_tensor(p+"attn_norm.weight", np.ones(D, np.float32)); w.add_tensor(p+"ffn_norm.weight", np.ones(D, np.float32))
    for n in ("attn_q", "attn_k", "attn_v"): w.add_tensor(p+n+".weight", f32(D, D))
    w.add_tensor(p+"attn_output.weight", att if att is not None else f32(D, D))
    w.add_tensor(p+"ffn_gate.weight", f32(F, D)); w.add_tensor(p+"ffn_up.weight", f32(F, D))
    w.add_tensor(p+"ffn_down.weight", ffd if ffd is not None else f32(D, F))
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
print(out, "vocab", V, "dim", D, "merges", len(merges))
