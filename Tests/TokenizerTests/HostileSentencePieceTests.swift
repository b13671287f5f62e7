// SentencePiece models that are broken or hostile, or stand in a folder that does not fit, end in one line.
import Base
import Foundation
import Testing
import TimeLimits
import Tokenizers

@Suite struct HostileSentencePieceTests {
  private typealias Message = ProtobufMessage

  /// A model of the given pieces: text, score and type.
  private static func model(
    _ pieces: [(String, Float, Int)], kind: Int = 1, byteFallback: Bool = false,
    _ more: (inout Message) -> Void = { _ in }
  ) -> [UInt8] {
    var model = Message()
    for (text, score, type) in pieces {
      var piece = Message()
      piece.add(1, Array(text.utf8))
      piece.add(2, score)
      piece.add(3, type)
      model.add(1, piece.bytes)
    }
    var training = Message()
    training.add(3, kind)
    if byteFallback { training.add(35, 1) }
    more(&training)
    model.add(2, training.bytes)
    return model.bytes
  }

  private static let pieces: [(String, Float, Int)] = [
    ("<pad>", 0, 3), ("</s>", 0, 3), ("<unk>", 0, 2), ("▁", -1, 1), ("a", -2, 1), ("▁a", -3, 1),
  ]

  private static func with(_ piece: (String, Float, Int)) -> [UInt8] { model(pieces + [piece]) }

  private static let broken: [(file: [UInt8], says: String)] = [
    ([], "has 0 unknown pieces instead of one"),
    (Array("hello".utf8), "is not a SentencePiece model"),
    ([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07], "is not a SentencePiece model"),
    ([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], "is not a SentencePiece model"),
    (model(pieces).dropLast(), "is not a SentencePiece model"),
    ([0x0A, 0x03, 0x0A, 0x01, 0xFF], "is not a SentencePiece model"),  // text that is not UTF-8
    (with(("b", .nan, 1)), "the score of the piece 6 is not a finite number"),
    (with(("b", -.infinity, 1)), "the score of the piece 6 is not a finite number"),
    (with(("", 0, 1)), "the piece 6 is empty"),
    (with(("▁a", -4, 1)), "the piece \"▁a\" stands twice"),
    (with(("?", 0, 2)), "has 2 unknown pieces instead of one"),
    (model([("a", 0, 1)]), "has 0 unknown pieces instead of one"),
    (with(("<0x41>", 0, 6)), "has 1 pieces for bytes, 1 of them of the form <0x0A>, instead of none"),
    (
      model(pieces, byteFallback: true),
      "has 0 pieces for bytes, 0 of them of the form <0x0A>, instead of 256"
    ),
    (
      model(pieces + (0..<256).map { ("<\($0)>", 0, 6) }, byteFallback: true),
      "has 256 pieces for bytes, 0 of them of the form <0x0A>, instead of 256"
    ),
    (model(pieces, kind: 3), "the SentencePiece model of words is not supported"),
    (model(pieces, kind: 4), "the SentencePiece model of characters is not supported"),
    (model(pieces) { $0.add(24, 1) }, "with white space behind words is not supported"),
    (model([("<unk>", 0, 2)]), "has 1 pieces, and the third is what T5 has"),
    (model(pieces, kind: 2), "is a BPE model, and its tokenizer's class reads Unigram models"),
    (
      {
        var normalization = Message()
        normalization.add(2, [1, 2, 3])
        var end = Message()
        end.add(3, normalization.bytes)
        return model(pieces) + end.bytes
      }(), "the map is cut off"
    ),
  ]

  @Test func eachIsRefusedInOneLine() throws {
    for (file, says) in Self.broken {
      let error = Self.failure(file, #"{"model_type":"t5"}"#)
      #expect(error?.code == .data && error?.place.hasSuffix("/tokenizer.model") == true, "\(file)")
      #expect(error?.what.contains(says) == true, "\(error?.description ?? "nothing"), not \(says)")
      #expect(error?.description.contains("\n") == false)
    }
    #expect(Self.broken.count == 21)
  }

  @Test func settingsThatDoNotFitAreRefusedInOneLine() throws {
    let cases: [(config: String, settings: String, says: String)] = [
      (#"{}"#, "{}", "SentencePiece files of the family \"\" are not supported"),
      (#"{"model_type":"gpt2"}"#, "{}", "files of the family \"gpt2\" are not supported"),
      (
        #"{"model_type":"t5"}"#, #"{"tokenizer_class":"MBartTokenizerFast"}"#,
        "files of the tokenizer class MBartTokenizer are not supported"
      ),
      (
        #"{"model_type":"t5","tokenizer_class":"Other"}"#, "{}", "the tokenizer class Other are not supported"
      ),
      (
        #"{"model_type":"llama"}"#, #"{"tokenizer_class":"LlamaTokenizer"}"#,
        "is a Unigram model, and its tokenizer's class reads BPE models"
      ),
      (#"{"model_type":"gemma"}"#, "{}", "is a Unigram model"),
      (#"{"model_type":"t5"}"#, "[]", "this must be an object, not a list"),
      (#"{"model_type":"t5"}"#, #"{"extra_ids":-1}"#, "extra_ids: this must be a whole number from 0"),
      (#"{"model_type":"t5"}"#, #"{"extra_ids":1000000000}"#, "extra_ids is 1000000000, and at most"),
      (#"{"model_type":"t5"}"#, #"{"extra_ids":4194303}"#, "extra_ids is 4194303, and at most"),
      (#"{"model_type":"t5"}"#, #"{"eos_token":null}"#, "the tokenizer has no eos_token"),
      (#"{"model_type":"t5"}"#, #"{"eos_token":3}"#, "eos_token: this must be a token, not a whole number"),
      (#"{"model_type":"t5"}"#, #"{"eos_token":""}"#, "a special token has no text"),
      (#"{"model_type":"t5"}"#, #"{"pad_token":{"content":1}}"#, "pad_token.content: this must be a string"),
      (#"{"model_type":"t5"}"#, #"{"additional_special_tokens":3}"#, "this must be a list"),
      (#"{"model_type":"t5"}"#, #"{"additional_special_tokens":[3]}"#, "[0]: this must be a token"),
      (#"{"model_type":"t5"}"#, #"{"added_tokens_decoder":[]}"#, "an object of ids and tokens"),
      (#"{"model_type":"t5"}"#, #"{"added_tokens_decoder":{"x":{}}}"#, "\"x\" is not an id"),
      (#"{"model_type":"t5"}"#, #"{"added_tokens_decoder":{"-1":{}}}"#, "\"-1\" is not an id"),
      (#"{"model_type":"t5"}"#, #"{"added_tokens_decoder":{"1":"x"}}"#, "this must be an object"),
      (#"{"model_type":"t5"}"#, #"{"added_tokens_decoder":{"1":{}}}"#, "the key \"content\" is missing"),
      (
        #"{"model_type":"t5"}"#, #"{"added_tokens_decoder":{"9":{"content":"a"}}}"#,
        "the added token \"a\" has the id 9, and its place in the vocabulary is 4"
      ),
      (#"{"model_type":"deberta-v2"}"#, #"{"do_lower_case":1}"#, "do_lower_case: this must be true or false"),
      (#"{"model_type":"mistral"}"#, #"{"legacy":"x"}"#, "legacy: this must be true or false"),
    ]
    for (config, settings, says) in cases {
      let error = Self.failure(Self.model(Self.pieces), config, settings)
      #expect(error?.code == .data && error?.place.isEmpty == false, "\(settings)")
      #expect(error?.description.contains(says) == true, "\(error?.description ?? "nothing"), not \(says)")
      #expect(error?.description.contains("\n") == false)
    }
    #expect(cases.count == 24)
  }

  /// Where a file is cut, it is refused or read, with the pieces that are there.
  @Test func filesThatAreCutAreReadOrRefused() throws {
    var refused = 0
    var ran = 0
    for (name, family) in [("t5", "t5"), ("llama", "llama"), ("gemma", "gemma")] {
      let whole = try SentencePieceTests.model(name)
      for count in stride(from: 0, to: whole.count, by: 251) {
        ran += 1
        if Self.failure(Array(whole[..<count]), "{\"model_type\":\"\(family)\"}") != nil { refused += 1 }
      }
    }
    #expect(ran > 100 && refused > ran / 2)
  }

  /// Every piece begins and ends with all that are shorter: the merges are quadratic in number, and found in that time.
  @Test func piecesWithinPiecesAreMergedInTheirOrder() throws {
    let pieces: [(String, Float, Int)] =
      [("<unk>", 0, 2), ("▁", -1, 1)] + (1...1500).map { (String(repeating: "a", count: $0), Float(-$0), 1) }
    let tokenizer = try within(seconds: 60) {
      try SentencePieceTests.tokenizer(
        Self.model(pieces, kind: 2), [("config.json", #"{"model_type":"llama"}"#)])
    }
    // Of two a, the pair; of two pairs, four.
    let ids = tokenizer.encode(String(repeating: "a", count: 8), addSpecialTokens: false)
    #expect(ids.map { tokenizer.piece($0)?.count } == [1, 8])
  }

  private static func failure(_ file: [UInt8], _ config: String, _ settings: String = "{}") -> UserError? {
    do {
      _ = try SentencePieceTests.tokenizer(
        file, [("config.json", config), ("tokenizer_config.json", settings)])
      return nil
    } catch let error as UserError {
      return error
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }
}

/// A message of protocol buffers, field by field.
private struct ProtobufMessage {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ field: Int, _ value: [UInt8]) {
    add(varint: field << 3 | 2)
    add(varint: value.count)
    bytes += value
  }

  mutating func add(_ field: Int, _ value: Int) {
    add(varint: field << 3)
    add(varint: value)
  }

  mutating func add(_ field: Int, _ value: Float) {
    add(varint: field << 3 | 5)
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      bytes.append(UInt8(value.bitPattern >> shift & 0xFF))
    }
  }

  private mutating func add(varint value: Int) {
    var value = value
    while value > 127 {
      bytes.append(UInt8(value & 127 | 128))
      value >>= 7
    }
    bytes.append(UInt8(value))
  }
}
