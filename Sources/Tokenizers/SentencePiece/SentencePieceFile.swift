// SentencePiece's own files: the pieces of a vocabulary with their scores, and what they were trained as.
import Base
import Foundation
import SwiftProtobuf

typealias SentencePieceModel = Swiftdp_Sentencepiece_ModelProto

struct SentencePieceFile {
  /// The names that families give the file.
  static let names = ["tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model"]

  let model: SentencePieceModel
  let path: String

  /// - Throws: if the bytes are no such file, or hold a model of another kind than Unigram and BPE.
  init(_ bytes: [UInt8], path: String) throws {
    self.path = path
    do { model = try SentencePieceModel(serializedBytes: bytes, partial: true) } catch {
      throw UserError(
        .data, "is no SentencePiece model", at: path, hint: "the file may be damaged; copy it again")
    }
    guard !pieces.isEmpty, pieces.count <= Vocabulary.largestCount else {
      throw UserError(.data, "has \(pieces.count) pieces", at: path, hint: "the file may be damaged")
    }
    if let place = pieces.firstIndex(where: { !$0.score.isFinite }) {
      throw UserError(
        .data, "the score of piece \(place) is not finite", at: path, hint: "the file may be damaged")
    }
    guard [.unigram, .bpe].contains(model.trainerSpec.modelType) else {
      throw UserError(.data, "cuts texts into words or characters, which is not supported", at: path)
    }
  }

  var pieces: [SentencePieceModel.SentencePiece] { model.pieces }

  /// Merges of BPE as SentencePiece makes them: the pair whose piece has the best score first, of equal ones that with
  /// the lower id.
  var merges: [(left: Substring, right: Substring)] {
    var normal: [String: Int] = [:]
    for (id, piece) in pieces.enumerated() where piece.type == .normal { normal[piece.piece] = id }
    var ranked: [(score: Float, id: Int, left: Substring, right: Substring)] = []
    for (id, piece) in pieces.enumerated() where piece.type == .normal && normal[piece.piece] == id {
      // Scalars, which SentencePiece merges, and not what people see as characters.
      let text = piece.piece
      for cut in text.unicodeScalars.indices.dropFirst() {
        let (left, right) = (text[..<cut], text[cut...])
        if normal[String(left)] != nil, normal[String(right)] != nil {
          ranked.append((piece.score, id, left, right))
        }
      }
    }
    return ranked.sorted { ($1.score, $0.id, $0.left) < ($0.score, $1.id, $1.left) }.map {
      ($0.left, $0.right)
    }
  }
}
