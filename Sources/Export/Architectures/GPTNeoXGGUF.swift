// GPT-NeoX and Pythia, whose query, key and value of a head lie side by side; llama.cpp has all queries first.
import Base
import Models
import Tensors

struct GPTNeoXGGUF: GGUFArchitecture {
  static let families = ["gpt_neox"]
  static let name = "gptneox"

  private let family: GPTNeoX

  init(_ description: ModelDescription) throws {
    guard let family = description.family as? GPTNeoX else { preconditionFailure("the family is GPT-NeoX") }
    let base =
      (description.config["rope_parameters"]?["rope_theta"] ?? description.config["rotary_emb_base"])?.double
      ?? 10000
    let kind = (description.config["rope_parameters"] ?? description.config["rope_scaling"])?["rope_type"]?
      .text
    guard base == 10000, kind ?? "default" == "default" else {
      throw UserError(
        .usage, "has rotary positions of another kind than GPT-NeoX's own, which are not exported as GGUF",
        at: description.folder)
    }
    self.family = family
  }

  var metadata: [(key: String, value: GGUFValue)] {
    [
      ("block_count", .unsigned(UInt32(family.layers))),
      ("context_length", .unsigned(UInt32(family.maximumLength))),
      ("embedding_length", .unsigned(UInt32(family.width))),
      ("feed_forward_length", .unsigned(UInt32(family.feedForward))),
      ("attention.head_count", .unsigned(UInt32(family.heads))),
      ("attention.layer_norm_epsilon", .float(Float(family.epsilon))),
      ("rope.dimension_count", .unsigned(UInt32(family.rotary.width))),
      ("use_parallel_residual", .bool(family.isParallel)),
    ]
  }

  private static let parts = [
    "input_layernorm": "attn_norm", "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
    "post_attention_layernorm": "ffn_norm", "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
  ]

  func name(of module: String) -> String? {
    switch module {
    case "gpt_neox.embed_in": "token_embd"
    case "gpt_neox.final_layer_norm": "output_norm"
    case "embed_out", "lm_head": "output"
    default: GatedDecoderGGUF.layer(module, behind: "gpt_neox.layers.", Self.parts)
    }
  }

  func form(of parameter: ParameterSpec) -> TensorForm {
    parameter.name.contains(".query_key_value.") ? .grouped(heads: family.heads) : .same
  }
}
