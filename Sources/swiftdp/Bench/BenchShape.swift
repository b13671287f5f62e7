// The models whose training steps are measured, one of each kind and more.
import ArgumentParser
import Base
import Datasets
import Models
import Objectives

enum BenchShape: String, ExpressibleByArgument, CaseIterable {
  case gpt2 = "gpt2-124m"
  case llama = "llama-134m"
  case base = "llama-1m"
  case qwen3 = "qwen3-134m"
  case bert = "bert-110m"
  case miniLM = "minilm-22m"
  case t5 = "t5-60m"

  static let help: ArgumentHelp = """
    gpt2-124m; llama-134m: 12 layers × 768, feed-forward 2048, 32,000 tokens; llama-1m: that of the model that ships with \
    swiftdp; qwen3-134m: llama-134m with norms on heads; \
    bert-110m and minilm-22m with two labels; t5-60m: sources and targets of --length tokens each.
    """

  /// The same kinds as language models alone, which `bench generate` and others need.
  var isLanguageModel: Bool { [.gpt2, .llama, .base, .qwen3].contains(self) }

  /// Layers, their width, and that of the feed-forward part.
  private var size: (layers: Int, width: Int, inner: Int) {
    switch self {
    case .gpt2, .bert: (12, 768, 3072)
    case .llama, .qwen3: (12, 768, 2048)
    case .base: (6, 128, 352)
    case .miniLM: (6, 384, 1536)
    case .t5: (6, 512, 2048)
    }
  }

  private var heads: Int {
    switch self {
    case .gpt2, .llama, .qwen3, .bert, .miniLM: 12
    case .base: 4
    case .t5: 8
    }
  }

  private var vocabulary: Int {
    switch self {
    case .gpt2: 50257
    case .llama, .qwen3: 32000
    case .base: 257
    case .bert, .miniLM: 30522
    case .t5: 32128
    }
  }

  /// config.json of the shape, without dropout, as other trainers are measured.
  func config(length: Int, layers: Int? = nil) -> JSON {
    let size = size
    let layers = layers ?? size.layers
    switch self {
    case .gpt2:
      return .object([
        "model_type": .string("gpt2"), "vocab_size": .integer(vocabulary), "n_layer": .integer(layers),
        "n_positions": .integer(max(length, 1024)),
        "embd_pdrop": .integer(0), "resid_pdrop": .integer(0), "attn_pdrop": .integer(0),
      ])
    case .llama, .base, .qwen3:
      return .object([
        "model_type": .string(self == .qwen3 ? "qwen3" : "llama"),
        "head_dim": .integer(size.width / heads), "tie_word_embeddings": .bool(self == .base),
        "hidden_size": .integer(size.width), "intermediate_size": .integer(size.inner),
        "num_hidden_layers": .integer(layers), "num_attention_heads": .integer(heads),
        "num_key_value_heads": .integer(heads),
        "vocab_size": .integer(vocabulary), "max_position_embeddings": .integer(max(length, 2048)),
      ])
    case .bert, .miniLM:
      return .object([
        "model_type": .string("bert"), "architectures": .array([.string("BertForSequenceClassification")]),
        "id2label": .object(["0": .string("a"), "1": .string("b")]),
        "hidden_size": .integer(size.width), "intermediate_size": .integer(size.inner),
        "num_hidden_layers": .integer(layers), "num_attention_heads": .integer(heads),
        "vocab_size": .integer(vocabulary), "max_position_embeddings": .integer(max(length, 512)),
        "hidden_dropout_prob": .integer(0), "attention_probs_dropout_prob": .integer(0),
      ])
    case .t5:
      return .object([
        "model_type": .string("t5"), "architectures": .array([.string("T5ForConditionalGeneration")]),
        "d_model": .integer(size.width), "d_ff": .integer(size.inner), "d_kv": .integer(64),
        "num_heads": .integer(heads), "num_layers": .integer(layers), "vocab_size": .integer(vocabulary),
        "dropout_rate": .integer(0), "decoder_start_token_id": .integer(0), "eos_token_id": .integer(1),
      ])
    }
  }

  /// What the model is trained for.
  func objective(of model: ModelDescription) throws -> any Objective { try Objectives.objective(of: model) }

  /// Whether a parameter is multiplied with every token, and not only looked up, or multiplied with one of each row.
  func isMultiplied(_ name: String) -> Bool {
    let others: [String] =
      switch self {
      case .gpt2: ["transformer.wpe."]
      case .llama, .qwen3: ["model.embed_tokens."]
      // The table is the head's too.
      case .base: []
      case .bert, .miniLM: ["bert.embeddings.", "bert.pooler.", "classifier."]
      case .t5:
        ["encoder.block.0.layer.0.SelfAttention.relative", "decoder.block.0.layer.0.SelfAttention.relative"]
      }
    return !others.contains { name.hasPrefix($0) }
  }

  /// How many texts a sequence has. Where there are two, every parameter is multiplied with the tokens of one of them.
  var texts: Int { self == .t5 ? 2 : 1 }

  /// The number of operations per token in attention's own products, forward and backward. Each layer has scores and
  /// weighted values, with 2 · width operations per key each, and twice as many in backward (scores that backward
  /// computes again do not count). In causal attention there are (length + 1) / 2 keys on average.
  func attentionOperations(length: Int) -> Double {
    let causal = Double(length + 1) / 2
    let keys =
      switch self {
      case .gpt2, .llama, .base, .qwen3: causal
      case .bert, .miniLM: Double(length)
      // Of a token of each text together: its own text, and the other one.
      case .t5: (Double(length) + causal + Double(length)) / 2
      }
    return 3 * Double(size.layers) * 4 * Double(size.width) * keys
  }

  /// Sequences of random tokens with something to learn.
  func sequences(_ count: Int, length: Int, vocabulary: Int) -> TokenSequences {
    var sequences = TokenSequences(files: ["random tokens"])
    var stream = PhiloxStream(seed: 0, stream: 0)
    let source = SampleSource(file: 0, line: 0)
    func tokens() -> ArraySlice<Int32> { (0..<length).map { _ in Int32(stream.below(vocabulary)) }[...] }
    for number in 0..<count {
      switch self {
      case .gpt2, .llama, .base, .qwen3: sequences.append(tokens(), firstTarget: 0, source: source)
      case .bert, .miniLM:
        sequences.append(tokens(), zeroTypes: length, numbers: [Float(number % 2)], source: source)
      case .t5: sequences.append(tokens(), answering: tokens(), source: source)
      }
    }
    return sequences
  }
}
