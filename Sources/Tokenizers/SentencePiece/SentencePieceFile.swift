// SentencePiece's own files: the pieces of a vocabulary with their scores, and how texts become normal. What the
// sentencepiece package refuses to load is refused here too.
import Base
import Foundation
import SwiftProtobuf

typealias SentencePieceModel = Swiftdp_Sentencepiece_ModelProto

struct SentencePieceFile {
  /// The names that families give the file.
  static let names = ["tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model"]

  /// Bytes of a file; the largest known ones have 5 MB, and a piece takes thirty times its bytes in memory at worst.
  private static let longest = 1 << 26

  let path: String
  let training: Swiftdp_Sentencepiece_TrainerSpec
  let normalization: Swiftdp_Sentencepiece_NormalizerSpec
  /// In UTF-8, in the order of their ids; no two are equal.
  let pieces: [[UInt8]]
  let scores: [Float]
  let types: [SentencePieceModel.SentencePiece.TypeEnum]

  /// - Throws: if the bytes are no such file, or hold a model of another kind than Unigram and BPE.
  init(_ bytes: [UInt8], path: String) throws {
    self.path = path
    guard bytes.count <= Self.longest else {
      throw UserError(.data, "has \(bytes.count) bytes, and at most \(Self.longest) are read", at: path)
    }
    let model: SentencePieceModel
    do { model = try SentencePieceModel(serializedBytes: bytes, partial: true) } catch {
      throw UserError(.data, "is not a SentencePiece model", at: path, hint: Self.hint)
    }
    training = model.trainerSpec
    normalization = model.normalizerSpec
    pieces = model.pieces.map { Array($0.piece.utf8) }
    scores = model.pieces.map(\.score)
    types = model.pieces.map(\.type)
    try checkKind()
    try checkPieces()
  }

  var part: FilePart { FilePart(json: .null, path: path, place: "") }

  func error(_ what: String) -> UserError { UserError(.data, what, at: path, hint: Self.hint) }

  private static let hint = "the file may be damaged; copy it again"

  private func checkKind() throws {
    guard [.unigram, .bpe].contains(training.modelType) else {
      let kind = training.modelType == .word ? "words" : "characters"
      throw part.unsupported("SentencePiece model of", kind)
    }
    guard !training.treatWhitespaceAsSuffix else {
      throw part.unsupported("SentencePiece model with", "white space behind words")
    }
  }

  private func checkPieces() throws {
    let vocabulary = try Vocabulary(pieces: pieces, part)
    var unknowns = 0
    var bytes = 0
    for (id, piece) in pieces.enumerated() {
      guard !piece.isEmpty else { throw error("the piece \(id) is empty") }
      guard scores[id].isFinite else { throw error("the score of the piece \(id) is not a finite number") }
      guard let last = vocabulary.id(of: piece), last == id else {
        throw error("the piece \"\(String(decoding: piece, as: UTF8.self))\" stands twice")
      }
      if types[id] == .unknown { unknowns += 1 }
      if types[id] == .byte { bytes += 1 }
    }
    guard unknowns == 1 else { throw error("has \(unknowns) unknown pieces instead of one") }
    let found = vocabulary.bytePieces.filter { $0 >= 0 && types[Int($0)] == .byte }.count
    guard bytes == found, found == (training.byteFallback ? 256 : 0) else {
      throw error(
        "has \(bytes) pieces for bytes, \(found) of them of the form <0x0A>, instead of "
          + (training.byteFallback ? "256" : "none"))
    }
  }
}
