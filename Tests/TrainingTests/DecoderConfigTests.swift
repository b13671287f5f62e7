// Keys of the decoders' config.json, each absent, null, or of several types, as transformers 5 reads them.
import Base
import Foundation
import Models
import Testing

@Suite struct DecoderConfigTests {
  /// The cases come from `make_decoder_config_fixtures.py`.
  @Test func everyKeyIsReadAsInTransformers() throws {
    let fixture = try OpenFile.json(Fixtures.root + "/Tests/Fixtures/decoder_configs.json")
    var (read, refused, unsupported, compared) = (0, 0, 0, 0)
    for row in try #require(fixture["cases"]?.elements) {
      let parts = try #require(row.elements)
      let (family, change) = (try #require(parts[0].text), try #require(parts[1].members))
      let base = try #require(fixture["bases"]?[family]?.members)
      let changed = Set(change.map(\.key))
      let config = JSON.object(
        base.filter { !changed.contains($0.key) } + change.filter { $0.value.text != "absent" })
      let what = config.encoded()
      let found = parts[2].elements?.first
      switch Result(catching: { try ModelDescription(config: config, file: "config.json") }) {
      case .success(let model):
        #expect(found != nil, "transformers refuses \(what)")
        #expect(parts.count == 3, "\(what) is read, though not supported")
        let key = String(decoding: try #require(change.first).key, as: UTF8.self)
        if change.count == 1, let found, !found.isNull, let value = Self.value(key, model.family) {
          let want = found.double ?? (found.bool.map { $0 ? 1 : 0 })
          #expect(value == want, "\(key) of \(what)")
          compared += 1
        }
        read += 1
      case .failure(let error):
        #expect(found == nil || parts.count == 4, "\(what): \(error)")
        let errors = (error as? UserErrors)?.errors ?? [error].compactMap { $0 as? UserError }
        #expect(!errors.isEmpty && errors.allSatisfy { $0.code == .data }, "\(error)")
        refused += found == nil ? 1 : 0
        unsupported += found == nil ? 0 : 1
      }
    }
    #expect(
      read > 300 && refused > 300 && unsupported > 5 && compared > 200,
      "\(read), \(refused), \(unsupported), \(compared)")
  }

  private static func value(_ key: String, _ family: any ModelFamily) -> Double? {
    if key == "vocab_size" { return Double(family.vocabulary) }
    if key == "max_position_embeddings" { return Double(family.maximumLength) }
    if key == "tie_word_embeddings" { return family.tied ? 1 : 0 }
    if let neox = family as? GPTNeoX {
      switch key {
      case "hidden_size": return Double(neox.width)
      case "intermediate_size": return Double(neox.feedForward)
      case "num_hidden_layers": return Double(neox.layers)
      case "num_attention_heads": return Double(neox.heads)
      case "layer_norm_eps": return neox.epsilon
      case "hidden_dropout": return neox.hiddenDropout
      case "attention_dropout": return neox.attentionDropout
      case "attention_bias": return neox.attentionBias ? 1 : 0
      case "use_parallel_residual": return neox.isParallel ? 1 : 0
      default: return nil
      }
    }
    if let opt = family as? OPT {
      switch key {
      case "hidden_size": return Double(opt.innerWidth)
      case "word_embed_proj_dim": return Double(opt.width)
      case "ffn_dim": return Double(opt.feedForward)
      case "num_hidden_layers": return Double(opt.layers)
      case "num_attention_heads": return Double(opt.heads)
      case "dropout": return opt.dropout
      case "attention_dropout": return opt.attentionDropout
      case "enable_bias": return opt.hasBias ? 1 : 0
      case "do_layer_norm_before": return opt.normsComeFirst ? 1 : 0
      default: return nil
      }
    }
    guard let decoder = (family as? any GatedDecoderFamily)?.decoder else { return nil }
    switch key {
    case "hidden_size": return Double(decoder.width)
    case "intermediate_size": return Double(decoder.feedForward)
    case "num_hidden_layers": return Double(decoder.layers.count)
    case "num_attention_heads": return Double(decoder.heads)
    case "num_key_value_heads": return Double(decoder.keyHeads)
    case "head_dim": return Double(decoder.headWidth)
    case "rms_norm_eps": return decoder.epsilon
    case "attention_dropout": return decoder.attentionDropout
    case "resid_pdrop": return decoder.residualDropout
    case "attention_bias": return decoder.queryBias && decoder.outputBias ? 1 : 0
    case "mlp_bias": return decoder.feedForwardBias ? 1 : 0
    case "final_logit_softcapping": return decoder.logitCap
    case "attn_logit_softcapping": return family is Gemma2 ? decoder.scoreCap : nil
    case "sliding_window":
      return family is Mistral || family is Phi3 ? decoder.layers[0].window.map { Double($0) } ?? -1 : nil
    default: return nil
    }
  }
}
