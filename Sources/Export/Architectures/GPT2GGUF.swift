// GPT-2, whose matrices are stored with their inputs first.
import Models
import Tensors

struct GPT2GGUF: GGUFArchitecture {
  static let families = ["gpt2"]
  static let name = "gpt2"

  private let family: GPT2

  init(_ description: ModelDescription) throws {
    guard let family = description.family as? GPT2 else { preconditionFailure("the family is GPT-2") }
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
    ]
  }

  private static let parts = [
    "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
  ]

  func name(of module: String) -> String? {
    switch module {
    case "transformer.wte": "token_embd"
    case "transformer.wpe": "position_embd"
    case "transformer.ln_f": "output_norm"
    case "lm_head": "output"
    default: GatedDecoderGGUF.layer(module, behind: "transformer.h.", Self.parts)
    }
  }

  func form(of parameter: ParameterSpec) -> TensorForm {
    let isMatrix = ["c_attn.weight", "c_proj.weight", "c_fc.weight"].contains { parameter.name.hasSuffix($0) }
    return isMatrix ? .turned : .same
  }
}
