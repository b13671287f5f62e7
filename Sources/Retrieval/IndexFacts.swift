// What an index is made with, and what state it is in.
import Base
import Collectives

package struct IndexFacts: Equatable, Sendable {
  package enum VectorType: String, CaseIterable, Sendable { case float32, int8 }
  package enum State: String, Sendable {
    /// A build has not come to its end.
    case building
    case complete
  }

  /// The folder of the model that makes vectors, and what tells it from others.
  package var encoder: String
  package var fingerprint: String
  /// Numbers of a vector.
  package var width: Int
  package var type: VectorType
  /// The most tokens of a chunk, with its special tokens, how many these are, and how many tokens neighbours may share.
  package var chunkTokens: Int
  package var specialTokens: Int
  package var overlap: Int
  package var state = State.building
  /// Counts changes: readers see by it that what they have read is out of date.
  package var generation = 0
  /// While it is built: what it is built of, and how many passages are in it.
  package var source = ""
  package var done = 0

  package init(
    encoder: String, fingerprint: String, width: Int, type: VectorType, chunkTokens: Int,
    specialTokens: Int, overlap: Int
  ) {
    self.encoder = encoder
    self.fingerprint = fingerprint
    self.width = width
    self.type = type
    self.chunkTokens = chunkTokens
    self.specialTokens = specialTokens
    self.overlap = overlap
  }

  /// The version of the folder's form.
  private static let form = 1

  /// As they are written, one after the other.
  var json: JSON {
    .object([
      "form": .integer(Self.form), "encoder": .string(encoder), "fingerprint": .string(fingerprint),
      "width": .integer(width), "vectors": .string(type.rawValue), "chunk_tokens": .integer(chunkTokens),
      "special_tokens": .integer(specialTokens),
      "overlap": .integer(overlap), "state": .string(state.rawValue), "generation": .integer(generation),
      "source": .string(source), "done": .integer(done),
    ])
  }

  /// - Throws: if these are no facts of an index that can be read.
  init(_ json: JSON, at place: String) throws(UserError) {
    guard json["form"]?.integer == Self.form else {
      throw UserError(.data, "is no index of a form that is known", at: place, hint: "build it anew")
    }
    guard let encoder = json["encoder"]?.text, let fingerprint = json["fingerprint"]?.text,
      let width = json["width"]?.integer, (1...1 << 20).contains(width),
      let type = json["vectors"]?.text.flatMap(VectorType.init), let tokens = json["chunk_tokens"]?.integer,
      (1...1 << 20).contains(tokens), let special = json["special_tokens"]?.integer,
      (0..<tokens).contains(special),
      let overlap = json["overlap"]?.integer, (0...tokens).contains(overlap),
      let state = json["state"]?.text.flatMap(State.init), let generation = json["generation"]?.integer,
      let source = json["source"]?.text, let done = json["done"]?.integer
    else { throw UserError(.data, "is a damaged index", at: place, hint: "build it anew") }
    self.init(
      encoder: encoder, fingerprint: fingerprint, width: width, type: type, chunkTokens: tokens,
      specialTokens: special, overlap: overlap)
    (self.state, self.generation, self.source, self.done) = (state, generation, source, done)
  }

  /// - Throws: if vectors of that encoder are not comparable with those of the index.
  package func check(_ encoder: any PassageEncoder, folder: String, index: String) throws(UserError) {
    guard encoder.fingerprint != fingerprint || encoder.width != width else { return }
    throw UserError(
      .usage, "is not the encoder that the index was built with, which was \(self.encoder)", at: folder,
      hint: "give that one, or build \(index) anew with this one")
  }
}

extension IndexDatabase {
  /// The facts of a complete index, known to all ranks. Collective.
  package static func facts(of folder: String, _ ranks: Ranks) throws -> IndexFacts {
    let found = try ranks.together { ranks.isFirst ? try IndexDatabase(folder).completeFacts() : nil }
    let text = ranks.broadcast(found?.json.encoded() ?? "")
    return try ranks.together { try IndexFacts(try JSON.parse(text), at: folder) }
  }
}
