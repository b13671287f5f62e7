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
  /// - Parameter vocabulary: rows of the table, of which the tokenizer knows the first 257.
  func makeLlama(_ name: String = "llama", width: Int = 32, longest: Int = 64, vocabulary: Int = 257) throws {
    try file(
      name + "/config.json",
      """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": \(vocabulary), "hidden_size": \(width),
       "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
       "hidden_act": "silu", "max_position_embeddings": \(longest), "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
       "tie_word_embeddings": true, "bos_token_id": null, "eos_token_id": 256, "torch_dtype": "float32"}
      """)
    try file(name + "/tokenizer.json", Project.contents("Sources/swiftdp/Shipped/base/tokenizer.json"))
  }

  /// A GPT-2 of the same tokens, without weights.
  func makeGPT2(
    _ name: String = "gpt2", inner: Int = 128, layers: Int = 2, dropout: Double, width: Int = 32,
    longest: Int = 64
  ) throws {
    try file(
      name + "/config.json",
      """
      {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 257, "n_embd": \(width), "n_head": 4,
       "n_inner": \(inner), "n_layer": \(layers), "n_positions": \(longest),
       "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05,
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

  /// A BERT without a head that has weights, and a WordPiece tokenizer of letters.
  func makeBERT(_ name: String = "bert", dropout: Double = 0.1) throws {
    let parity = "Tests/Fixtures/parity/bert-labels/"
    var config = String(decoding: try Project.contents(parity + "config.json"), as: UTF8.self)
    config = config.replacingOccurrences(of: "BertForSequenceClassification", with: "BertModel")
    for key in ["hidden_dropout_prob", "attention_probs_dropout_prob"] {
      config = config.replacingOccurrences(of: "\"\(key)\": 0.0", with: "\"\(key)\": \(dropout)")
    }
    try file(name + "/config.json", config)
    try file(name + "/model.safetensors", Project.contents(parity + "model.safetensors"))
    let letters = "abcdefghijklmnopqrstuvwxyz".map { String($0) }
    let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + letters + letters.map { "##" + $0 }
    let vocabulary = pieces.enumerated().map { "\"\($0.element)\": \($0.offset)" }.joined(separator: ", ")
    let special = [0, 1, 2, 3].map { id in
      """
      {"id": \(id), "content": "\(pieces[id])", "single_word": false, "lstrip": false, "rstrip": false,
       "normalized": false, "special": true}
      """
    }
    func part(_ kind: String, _ id: String, _ type: Int) -> String {
      "{\"\(kind)\": {\"id\": \"\(id)\", \"type_id\": \(type)}}"
    }
    let single = [
      part("SpecialToken", "[CLS]", 0), part("Sequence", "A", 0), part("SpecialToken", "[SEP]", 0),
    ]
    let pair = single + [part("Sequence", "B", 1), part("SpecialToken", "[SEP]", 1)]
    try file(
      name + "/tokenizer.json",
      """
      {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [\(special.joined(separator: ","))],
       "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
        "strip_accents": null, "lowercase": true},
       "pre_tokenizer": {"type": "BertPreTokenizer"},
       "post_processor": {"type": "TemplateProcessing", "single": [\(single.joined(separator: ","))],
        "pair": [\(pair.joined(separator: ","))], "special_tokens": {
         "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
         "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
       "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
       "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100, "vocab": {\(vocabulary)}}}
      """)
  }

  /// Gives the tokenizer of a BERT the token of a mask, in the place of a letter within a word.
  func addMask(to name: String) throws {
    let path = name + "/tokenizer.json"
    try file(path, try text(path).replacingOccurrences(of: "\"##k\"", with: "\"[MASK]\""))
  }

  /// Short texts whose first word decides their label, as a table without a header.
  func makeReviews(_ name: String = "reviews.tsv", count: Int = 60) throws {
    let words = ["sad", "good", "dull", "fine", "bad", "fun"]
    let rest = ["a film", "the end", "so long and slow", "it was", "we saw it twice"]
    let rows = (0..<count).map { row in
      "\(words[row * row % 6]) \(rest[row * 7 % 5])\t\(["negative", "positive"][row * row % 6 % 2])"
    }
    try file(name, rows.joined(separator: "\n") + "\n")
  }
}
