// Models and data that are small enough to train in a second, made in each test's folder.
import Foundation

enum Project {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  static func contents(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: root + "/" + path))
  }

  /// A path in the shared data, or nil in a clone that has none.
  static func shared(_ path: String) -> String? {
    let path = root + "/../shared/data/" + path
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }
  /// On CI nothing may be skipped.
  static let hasSharedData = shared("README.md") != nil || ProcessInfo.processInfo.environment["CI"] == "true"
}

extension Workspace {
  /// A Llama of 257 byte-level tokens without weights, for `weights=random`.
  func makeLlama(_ name: String = "llama", width: Int = 32, longest: Int = 64) throws {
    try file(
      name + "/config.json",
      """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 257, "hidden_size": \(width),
       "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
       "hidden_act": "silu", "max_position_embeddings": \(longest), "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
       "tie_word_embeddings": true, "bos_token_id": null, "eos_token_id": 256, "torch_dtype": "float32"}
      """)
    try file(name + "/tokenizer.json", Project.contents("Sources/swiftdp/Shipped/base/tokenizer.json"))
  }

  /// A GPT-2 of the same tokens, without weights.
  func makeGPT2(_ name: String = "gpt2", inner: Int = 128, layers: Int = 2, dropout: Double) throws {
    try file(
      name + "/config.json",
      """
      {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 257, "n_embd": 32, "n_head": 4,
       "n_inner": \(inner), "n_layer": \(layers), "n_positions": 64, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05,
       "attn_pdrop": \(dropout), "embd_pdrop": \(dropout), "resid_pdrop": \(dropout),
       "bos_token_id": 256, "eos_token_id": 256, "torch_dtype": "float32"}
      """)
    try file(name + "/tokenizer.json", Project.contents("Sources/swiftdp/Shipped/base/tokenizer.json"))
  }

  /// English of a kind, always the same.
  func makeText(_ name: String = "text.txt", characters: Int) throws {
    let words = [
      "the", "cat", "saw", "a", "ship", "and", "sang", "of", "rain", "while", "old", "men", "slept",
    ]
    var state: UInt64 = 1
    var text = ""
    while text.utf8.count < characters {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      text += words[Int(state >> 33) % words.count] + ((state >> 40) % 9 == 0 ? ".\n" : " ")
    }
    try file(name, String(text.prefix(characters)))
  }

  /// Questions and answers of many lengths, as completions.
  func makeRows(_ name: String = "rows.jsonl", count: Int) throws {
    let rows = (0..<count).map { row in
      let (a, b) = (row * 7 % 90, row * row % 1000)
      return
        #"{"prompt": "what is \#(a) plus \#(b)?", "completion": " \#(a + b)\#(String(repeating: "!", count: row % 5))"}"#
    }
    try file(name, rows.joined(separator: "\n") + "\n")
  }
}
