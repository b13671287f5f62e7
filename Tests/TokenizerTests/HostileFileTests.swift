// Files that are broken or hostile, or need something that is missing, end in one line that names the part.
import Base
import Foundation
import Testing
import TimeLimits
import Tokenizers

@Suite struct HostileFileTests {
  static let model = #"{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}"#

  /// A file around the given parts, and the text that the message must contain.
  static let cases: [(file: String, says: String)] = [
    ("[]", "must be an object, not a list"),
    ("{}", "\"model\" is missing"),
    (#"{"model":3}"#, "model: this must be an object"),
    (#"{"version":"2.0","model":{}}"#, "the version 2.0 is not supported"),
    (#"{"model":{"type":"WordLevel"}}"#, "the model WordLevel is not supported"),
    (#"{"model":{"type":"Unigram"}}"#, "\"vocab\" is missing"),
    (#"{"model":{"type":"Unigram","vocab":{"a":0},"unk_id":0}}"#, "must be a list of pieces and scores"),
    (#"{"model":{"type":"Unigram","vocab":[["a"]],"unk_id":0}}"#, "model.vocab[0]"),
    (#"{"model":{"type":"Unigram","vocab":[["a","b"]],"unk_id":0}}"#, "model.vocab[0]"),
    (#"{"model":{"type":"Unigram","vocab":[["a",0]]}}"#, "Unigram without an unk_id is not supported"),
    (#"{"model":{"type":"Unigram","vocab":[],"unk_id":0}}"#, "the id 0 is not in the vocabulary"),
    (#"{"model":{"type":"Unigram","vocab":[["a",0]],"unk_id":1}}"#, "the id 1 is not in the vocabulary"),
    (
      #"{"model":{"type":"Unigram","vocab":[["a",0]],"unk_id":0},"pre_tokenizer":{"type":"ByteLevel"}}"#,
      "the model Unigram behind a ByteLevel is not supported"
    ),
    (#"{"model":{"type":"WordPiece","vocab":{}}}"#, "unk_token \"[UNK]\" is not in the vocabulary"),
    (#"{"model":{"type":"WordPiece","vocab":{"a":0},"unk_token":"?"}}"#, "unk_token \"?\" is not in"),
    (
      #"{"model":{"type":"WordPiece","vocab":{"[UNK]":0},"max_input_chars_per_word":-1}}"#,
      "model.max_input_chars_per_word: this must be a whole number"
    ),
    (
      #"{"model":{"type":"WordPiece","vocab":{"[UNK]":0}},"pre_tokenizer":{"type":"ByteLevel"}}"#,
      "the model WordPiece behind a ByteLevel is not supported"
    ),
    (#"{"model":{"vocab":{}}}"#, "the model without a type is not supported"),
    (#"{"model":{"type":"BPE","merges":[]}}"#, "\"vocab\" is missing"),
    (#"{"model":{"type":"BPE","vocab":{}}}"#, "\"merges\" is missing"),
    (#"{"model":{"type":"BPE","vocab":[],"merges":[]}}"#, "model.vocab: this must be an object"),
    (#"{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}"#, "the id of \"a\""),
    (#"{"model":{"type":"BPE","vocab":{"a":1e15},"merges":[]}}"#, "the id of \"a\""),
    (#"{"model":{"type":"BPE","vocab":{"a":4194304},"merges":[]}}"#, "the id of \"a\""),
    (#"{"model":{"type":"BPE","vocab":{"a":99999999999999999999},"merges":[]}}"#, "the id of \"a\""),
    (#"{"model":{"type":"BPE","vocab":{"a":"x"},"merges":[]}}"#, "the id of \"a\""),
    (#"{"model":{"type":"BPE","vocab":{"a":0.5},"merges":[]}}"#, "the id of \"a\""),
    (#"{"model":{"type":"BPE","vocab":{"a":1,"b":1},"merges":[]}}"#, "both have the id 1"),
    (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":{}}}"#, "model.merges: this must be a list"),
    (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}"#, "model.merges[0]"),
    (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a a a"]}}"#, "model.merges[0]"),
    (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}}"#, "model.merges[0]"),
    (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a",1]]}}"#, "model.merges[0]"),
    (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[7]}}"#, "model.merges[0]"),
    (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}"#, "\"b\" is not in the vocabulary"),
    (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"]}}"#, "\"aa\" is not in the vocabulary"),
    (
      #"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"],"continuing_subword_prefix":"@@"}}"#,
      "shorter than its prefix"
    ),
    (
      #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}"#,
      "BPE with dropout is not supported"
    ),
    (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"?"}}"#, "unk_token \"?\""),
    (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"fuse_unk":1}}"#, "must be true or false"),
    (part("normalizer", #"{"type":"Nmt"}"#), "the normalizer Nmt is not supported"),
    (part("normalizer", #"{"type":"Precompiled"}"#), "\"precompiled_charsmap\" is missing"),
    (part("normalizer", #"{"type":"Precompiled","precompiled_charsmap":"?"}"#), "this is not base64"),
    (part("normalizer", #"{"type":"Precompiled","precompiled_charsmap":"AAAA"}"#), "the map is cut off"),
    (
      part("normalizer", #"{"type":"Precompiled","precompiled_charsmap":"AAAAAAAAAAA="}"#),
      "the map is cut off"
    ),
    (
      part("normalizer", #"{"type":"Precompiled","precompiled_charsmap":"/////wAAAAA="}"#),
      "the map is cut off"
    ),
    (part("normalizer", #"{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAAD/"}"#), "are not UTF-8"),
    (
      part("normalizer", #"{"type":"Replace","pattern":{"Regex":"a"},"content":""}"#),
      "Replace with the regular expression a is not supported"
    ),
    (part("normalizer", #"{"type":"Replace","pattern":"a","content":""}"#), "neither \"String\" nor"),
    (part("normalizer", #"{"prepend":"x"}"#), "\"type\" is missing"),
    (part("normalizer", #"{"type":"Sequence"}"#), "\"normalizers\" is missing"),
    (part("normalizer", #"{"type":"Sequence","normalizers":[{"type":"Nmt"}]}"#), "normalizer.normalizers[0]"),
    (
      part("normalizer", #"{"type":"BertNormalizer","lowercase":1}"#),
      "normalizer.lowercase: this must be true"
    ),
    (part("pre_tokenizer", #"{"type":"UnicodeScripts"}"#), "the pre-tokenizer UnicodeScripts is not"),
    (
      part(
        "pre_tokenizer", #"{"type":"Split","pattern":{"Regex":"x+"},"behavior":"Isolated","invert":false}"#),
      "the regular expression x+ is not supported"
    ),
    (
      part("pre_tokenizer", #"{"type":"Split","pattern":{"String":"x"},"behavior":"Gone","invert":false}"#),
      "the split behaviour Gone is not supported"
    ),
    (
      part("pre_tokenizer", #"{"type":"Split","pattern":{"String":""},"behavior":"Removed","invert":false}"#),
      "an empty pattern"
    ),
    (part("pre_tokenizer", #"{"type":"Metaspace","replacement":"ab"}"#), "one character"),
    (
      part("pre_tokenizer", #"{"type":"Metaspace","replacement":"_","prepend_scheme":"maybe"}"#),
      "the prepend scheme maybe is not supported"
    ),
    (part("post_processor", #"{"type":"Other"}"#), "the post-processor Other is not supported"),
    (part("post_processor", #"{"type":"BertProcessing","cls":["x",3],"sep":["y",1]}"#), "the id 3 is not"),
    (part("post_processor", #"{"type":"BertProcessing","cls":["x"],"sep":["y",1]}"#), "post_processor.cls"),
    (
      part(
        "post_processor",
        #"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}],"special_tokens":{}}"#),
      "\"x\" is not among special_tokens"
    ),
    (
      part("post_processor", #"{"type":"TemplateProcessing","single":[],"special_tokens":{}}"#),
      "the text 0 times"
    ),
    (
      part("post_processor", templates(32, of: 33)), "more than 1024 special tokens are put around a text"
    ),
    (
      part("normalizer", #"{"type":"Prepend","prepend":"\#(String(repeating: "x", count: 4096))"}"#),
      "4096 times as long"
    ),
    (part("decoder", #"{"type":"WordPiece","prefix":1}"#), "decoder.prefix: this must be a string"),
    (part("decoder", #"{"type":"CTC"}"#), "the decoder CTC is not supported"),
    (part("decoder", #"{"type":"Strip","content":" ","start":-1,"stop":0}"#), "decoder.start"),
    (part("decoder", #"{"type":"Strip","content":"","start":1,"stop":0}"#), "one character"),
    (
      part(
        "normalizer",
        repeated("normalizers", #"{"type":"Replace","pattern":{"String":"a"},"content":"aa"}"#)),
      "4096 times as long"
    ),
    (part("pre_tokenizer", repeated("pretokenizers", #"{"type":"ByteLevel"}"#)), "4096 times as long"),
    (
      part("decoder", repeated("decoders", #"{"type":"Replace","pattern":{"String":"a"},"content":"aa"}"#)),
      "4096 times as long"
    ),
    (part("added_tokens", "{}"), "added_tokens: this must be a list"),
    (part("added_tokens", #"[{"id":3}]"#), "\"content\" is missing"),
    (part("added_tokens", #"[{"id":-3,"content":"x"}]"#), "an id must be"),
    (part("added_tokens", #"[{"id":99999999999,"content":"x"}]"#), "an id must be"),
    (part("added_tokens", #"[{"id":2,"content":"x"}]"#), "its place in the vocabulary is 3"),
    (part("added_tokens", #"[{"id":4,"content":"x"}]"#), "its place in the vocabulary is 3"),
    (part("added_tokens", #"[{"id":3,"content":"a"}]"#), "its place in the vocabulary is 0"),
    (part("added_tokens", #"[{"id":3,"content":""}]"#), "no content"),
    (part("added_tokens", #"[{"id":3,"content":"x"},{"id":3,"content":"x"}]"#), "stands twice"),
  ]

  /// A step repeated forty times.
  static func repeated(_ key: String, _ step: String) -> String {
    "{\"type\":\"Sequence\",\"\(key)\":[\(Array(repeating: step, count: 40).joined(separator: ","))]}"
  }

  /// A template that names one special token many times, which stands for many ids.
  static func templates(_ times: Int, of ids: Int) -> String {
    let tokens =
      Array(repeating: #"{"SpecialToken":{"id":"x"}}"#, count: times) + [#"{"Sequence":{"id":"A"}}"#]
    let list = Array(repeating: "0", count: ids).joined(separator: ",")
    return "{\"type\":\"TemplateProcessing\",\"single\":[\(tokens.joined(separator: ","))],"
      + "\"special_tokens\":{\"x\":{\"ids\":[\(list)]}}}"
  }

  static func part(_ key: String, _ value: String) -> String { "{\"model\":\(model),\"\(key)\":\(value)}" }

  @Test func eachIsRefusedByName() throws {
    var ran = 0
    for (file, says) in Self.cases {
      ran += 1
      let json = try JSON.parse(file)
      #expect(throws: UserError.self, "\(file)") { try Tokenizer(json: json, path: "tokenizer.json") }
      do {
        _ = try Tokenizer(json: json, path: "tokenizer.json")
      } catch let error as UserError {
        #expect(error.code == .data && error.place == "tokenizer.json" && !error.hint.isEmpty)
        #expect(error.what.contains(says) || error.description.contains(says), "\(error)")
      }
    }
    #expect(ran == 82)
  }

  /// Offsets of a damaged map lead anywhere; the text stays UTF-8.
  @Test func damagedMapsChangeNoTextIntoAnother() throws {
    var state: UInt32 = 7
    var ran = 0
    for _ in 0..<300 {
      let units = (0..<96).map { _ -> UInt32 in
        state = state &* 1_664_525 &+ 1_013_904_223
        // The byte that leads to a unit, a leaf in every second, and an offset that is small at times.
        return state >> 24 | (state >> 8 & 1) << 8 | (state >> 9 & (state & 4 == 0 ? 0x7F : 0x3F_FFFF)) << 10
      }
      var bytes: [UInt8] = [128, 1, 0, 0]
      for unit in units { for shift in 0..<4 { bytes.append(UInt8(unit >> (8 * UInt32(shift)) & 0xFF)) } }
      bytes.append(contentsOf: "a\0\u{e9}b\0\0ccc".utf8)
      let map = Data(bytes).base64EncodedString()
      let file =
        #"{"model":{"type":"Unigram","vocab":[["?",0],["a",-1]],"unk_id":0},"normalizer":{"type":"Precompiled","#
        + #""precompiled_charsmap":"\#(map)"}}"#
      let tokenizer = try Tokenizer(json: JSON.parse(file), path: "x")
      for text in GeneratedTexts.all.prefix(40) {
        ran += 1
        let placed = tokenizer.encodeWithPlaces(text)
        #expect(placed.places.allSatisfy { $0.upperBound <= text.count })
      }
    }
    #expect(ran == 12_000)
  }

  @Test func missingFileIsNamed() {
    #expect(throws: UserError.self) { try Tokenizer(file: "/nonexistent/tokenizer.json") }
  }

  @Test func idsOutsideTheVocabularyArePassedOver() throws {
    let tokenizer = try Tokenizer(json: JSON.parse(Self.part("added_tokens", "[]")), path: "x")
    let ids: [Int32] = [.min, -1, 0, 1, 2, 3, 1 << 30, .max]
    #expect(tokenizer.decode(ids, skipSpecialTokens: true) == "a b ab")
    #expect(ids.map { tokenizer.piece($0) } == [nil, nil, "a", "b", "ab", nil, nil, nil])
    #expect(ids.allSatisfy { !tokenizer.isSpecial($0) })
    #expect(tokenizer.vocabularySize == 3)
    #expect(tokenizer.id(of: "ab") == 2 && tokenizer.id(of: "c") == nil)
  }

  /// Files for single texts may hold any template of pairs: only who encodes pairs hears of it.
  @Test func templatesOfPairsAreJudgedWhenTheyAreUsed() throws {
    let special = #""special_tokens":{"a":{"id":"a","ids":[0],"tokens":["a"]}}"#
    let cases: [(single: String, pair: String, pairSays: String, singleSays: String?)] = [
      ("A:0", "B:0 A:1", "TemplateProcessing of pairs that is not A and then B is not supported", nil),
      ("A:0", "A:0", "TemplateProcessing of pairs that is not A and then B", nil),
      ("A:0", "A:0 x:0 B:0", "the special token \"x\" is not among special_tokens", nil),
      ("A:0", "A:1 B:0", "are not zeros and then ones", nil),
      ("A:0 a:2", "A:0 B:1 a:2", "are not zeros and then ones", "are not zeros and then ones"),
    ]
    var ran = 0
    for (single, pair, pairSays, singleSays) in cases {
      ran += 1
      let template =
        #"{"type":"TemplateProcessing","single":[\#(pieces(single))],"pair":[\#(pieces(pair))],\#(special)}"#
      let tokenizer = try Tokenizer(json: JSON.parse(Self.part("post_processor", template)), path: "x.json")
      #expect(tokenizer.encode("ab", addSpecialTokens: true).first == 2)
      for (second, says) in [([UInt8(0x61)], pairSays), (nil, singleSays)] {
        do {
          let encoded = try tokenizer.encode(Array("ab".utf8), pair: second)
          #expect(says == nil && encoded == TypedTokens(tokens: [2], zeroTypes: 1))
        } catch {
          #expect(error.code == .data && error.place == "x.json")
          #expect(error.what.contains(says ?? "?"), "\(error)")
        }
      }
    }
    #expect(ran == 5)
  }

  /// The JSON of pieces such as `A:0`.
  private func pieces(_ text: String) -> String {
    text.split(separator: " ").map { piece in
      let parts = piece.split(separator: ":")
      let kind = parts[0] == "A" || parts[0] == "B" ? "Sequence" : "SpecialToken"
      return #"{"\#(kind)":{"id":"\#(parts[0])","type_id":\#(parts[1])}}"#
    }.joined(separator: ",")
  }

  @Test func anEmptyModelEncodesNothing() throws {
    let json = try JSON.parse(#"{"model":{"type":"BPE","vocab":{},"merges":[]}}"#)
    let tokenizer = try Tokenizer(json: json, path: "x")
    #expect(tokenizer.vocabularySize == 0)
    #expect(tokenizer.encode("some text", addSpecialTokens: true).isEmpty)
  }

  @Test func holesAndCanonicallyEquivalentPiecesStayApart() throws {
    let json = try JSON.parse(
      "{\"model\":{\"vocab\":{\"\u{e9}\":5,\"e\":0,\"\u{301}\":1,\"e\u{301}\":3},\"merges\":[[\"e\",\"\u{301}\"]]}}"
    )
    let tokenizer = try Tokenizer(json: json, path: "x")
    #expect(tokenizer.encode("\u{e9}e\u{301}e", addSpecialTokens: true) == [5, 3, 0])
    #expect(tokenizer.vocabularySize == 6)
    #expect(tokenizer.piece(2) == nil && tokenizer.piece(4) == nil)
  }

  /// Each token includes the space before and after it, and all of the text is space.
  @Test func strippedSpaceIsWalkedOverOnce() throws {
    let tokens = #"[{"id":3,"content":" ","lstrip":true,"rstrip":true}]"#
    let tokenizer = try Tokenizer(json: JSON.parse(Self.part("added_tokens", tokens)), path: "x")
    let ids = try within(seconds: 60) {
      tokenizer.encode([UInt8](repeating: 0x20, count: 1 << 19), addSpecialTokens: false)
    }
    #expect(ids.count == 1 << 19 && ids.allSatisfy { $0 == 3 })
  }
}
