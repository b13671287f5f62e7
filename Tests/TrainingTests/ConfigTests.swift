// config.json as transformers 5 reads it: each key of each family absent, null, under its other name, or of another
// type.
import Base
import Foundation
import Models
import Testing

@Suite struct ConfigTests {
  /// The cases and expectations come from `make_config_fixtures.py`.
  @Test func everyKeyIsReadAsInTransformers() throws {
    let fixture = try OpenFile.json(Fixtures.root + "/Tests/Fixtures/configs.json")
    var (read, refused, unsupported) = (0, 0, 0)
    for row in try #require(fixture["cases"]?.elements) {
      let config = try #require(row["config"])
      let expected = try #require(row["expected"])
      let text = config.encoded()
      let result = Result { try ModelDescription(config: config, file: "config.json") }
      switch result {
      case .success(let model):
        #expect(!expected.isNull, "transformers refuses \(text)")
        #expect(row["unsupported"] == nil, "\(text) is read, though not supported")
        #expect(differences(model, expected) == [], "\(text)")
        read += 1
      case .failure(let error):
        #expect(expected.isNull || row["unsupported"] != nil, "\(text): \(error)")
        let errors = (error as? UserErrors)?.errors ?? [error].compactMap { $0 as? UserError }
        #expect(!errors.isEmpty, "\(error)")
        #expect(errors.allSatisfy { $0.code == .data && $0.place.hasPrefix("config.json: ") }, "\(errors)")
        refused += expected.isNull ? 1 : 0
        unsupported += expected.isNull ? 0 : 1
      }
    }
    #expect(read > 150 && refused > 350 && unsupported > 50, "\(read), \(refused), \(unsupported)")
  }

  /// The keys that a model reads differently.
  private func differences(_ model: ModelDescription, _ expected: JSON) -> [String] {
    var numbers: [String: Double] = ["vocab_size": Double(model.family.vocabulary)]
    var flags = ["tie_word_embeddings": model.family.tied]
    var wrong: [String] = []
    switch model.family {
    case let family as any GatedDecoderFamily:
      let decoder = family.decoder
      numbers.merge([
        "max_position_embeddings": Double(decoder.maximumLength), "hidden_size": Double(decoder.width),
        "intermediate_size": Double(decoder.feedForward), "num_hidden_layers": Double(decoder.layers.count),
        "num_attention_heads": Double(decoder.heads), "num_key_value_heads": Double(decoder.keyHeads),
        "head_dim": Double(decoder.headWidth), "rms_norm_eps": decoder.epsilon,
        "attention_dropout": decoder.attentionDropout,
      ]) { $1 }
      flags.merge(["attention_bias": decoder.queryBias, "mlp_bias": decoder.feedForwardBias]) { $1 }
      let angles = decoder.layers.first?.rotary?.frequencies ?? []
      let frequencies = (expected["inv_freq"]?.elements ?? []).compactMap { $0.double }
      let areEqual =
        frequencies.count == angles.count && !frequencies.isEmpty
        && zip(frequencies, angles).allSatisfy { abs(Double($1) / $0 - 1) <= 2e-6 }
      if !areEqual { wrong.append("inv_freq") }
      let factor = Double(decoder.layers.first?.rotary?.factor ?? .nan)
      if !(abs((expected["attention_scaling"]?.double ?? .nan) - factor) <= 1e-6) {
        wrong.append("attention_scaling")
      }
    case let gpt2 as GPT2:
      numbers.merge([
        "n_positions": Double(gpt2.maximumLength), "n_embd": Double(gpt2.width),
        "n_layer": Double(gpt2.layers), "n_head": Double(gpt2.heads), "n_inner": Double(gpt2.feedForward),
        "layer_norm_epsilon": gpt2.epsilon, "embd_pdrop": gpt2.embeddingDropout,
        "resid_pdrop": gpt2.residualDropout, "attn_pdrop": gpt2.attentionDropout,
      ]) { $1 }
    default: return ["model_type"]
    }
    // The meaning of a null, if it is not a value of its own.
    let nulls = ["n_inner": 4 * (numbers["n_embd"] ?? 0), "attention_dropout": 0]
    for (key, value) in numbers where expected[key]?.double ?? nulls[key] != value { wrong.append(key) }
    for (key, value) in flags where expected[key]?.bool != value { wrong.append(key) }
    let ends = expected["eos_token_id"].map { $0.isNull ? [] : $0.elements ?? [$0] }
    let known = ends?.compactMap { $0.integer }.filter { (0..<model.family.vocabulary).contains($0) }
    if known != model.endOfText.map(Int.init) || known != model.endOfGeneration.map(Int.init) {
      wrong.append("eos_token_id")
    }
    return wrong.sorted()
  }

  @Test func messagesNameTheKeyThatTheFileHas() throws {
    let cases = [
      (
        #"{"model_type": "gpt2", "hidden_size": 30, "num_attention_heads": 4}"#,
        "config.json: hidden_size: is 30, which 4 heads do not share evenly"
      ),
      (
        #"{"model_type": "llama", "vocab_size": null}"#,
        "config.json: vocab_size: is null, where a whole number is meant"
      ),
      (
        #"{"model_type": "llama", "rope_scaling": {"type": "linear", "factor": "2"}}"#,
        "config.json: rope_scaling.factor: is a string, where a number is meant"
      ),
      (
        #"{"model_type": "llama", "eos_token_id": [2, "3"]}"#,
        #"config.json: eos_token_id: is [2, "3"], where a whole number or a list of them is meant"#
      ),
    ]
    for (config, message) in cases {
      let error = #expect(throws: UserError.self) {
        try ModelDescription(config: JSON.parse(config), file: "config.json")
      }
      #expect(error.map { "\($0)" } == message)
    }
    #expect(cases.count == 4)
  }
}
