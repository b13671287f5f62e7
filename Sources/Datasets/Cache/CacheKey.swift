// What tells entries of a cache apart: a hash over all that decides what they hold.
import Base
import Digests

struct CacheKey: Equatable, Sendable {
  /// Entries of other versions are not read. Raise it when the same data becomes other tokens, or is written in another way.
  private static let version = "swiftdp cache 1"

  /// 32 hexadecimal digits.
  let digits: String

  init(digits: String) { self.digits = digits }

  /// - Parameter lines: whatever decides; each may hold any text.
  init(_ lines: [String]) {
    var hash = SHA256()
    for line in [Self.version] + lines {
      hash.update("\(line.utf8.count):")
      hash.update(line)
    }
    digits = String(hexadecimal(hash.finalize()).prefix(32))
  }
}

extension DataOptions {
  /// The options as text without what the tokens of a file do not depend on.
  /// - Parameter source: the one that the file belongs to.
  func encodingText(_ source: DataSource) -> String {
    var own = self
    own.sources = [
      DataSource(
        files: [], format: source.decidedFormat, columns: source.columns, choice: source.choice)
    ]
    own.validation = .none
    (own.format, own.columns) = (.auto, DataColumns())
    own.chats = ChatOptions(loss: chats.loss)
    own.order = .mixed
    own.temperature = nil
    own.seed = 0
    own.cache = nil
    own.names = .recipe
    // Documents that are joined are not cut before.
    if source.decidedFormat == .text, packing, !packingFits { own.sequenceLength = 0 }
    return String(describing: own)
  }

  /// The options as text without what the arrangement of sequences does not depend on.
  /// - Parameters:
  ///   - sources: the keys of the files of each source.
  ///   - validation: those of validation files.
  func arrangementText(_ sources: [[CacheKey]], validation keys: [CacheKey]?) -> String {
    var own = self
    own.sources = zip(sources, self.sources).map { DataSource(files: $0.map(\.digits), use: $1.use) }
    if let keys { own.validation = .files(keys.map(\.digits)) }
    (own.format, own.columns) = (.auto, DataColumns())
    own.chats = ChatOptions(loss: chats.loss)
    own.order = .mixed
    own.temperature = nil
    if validation.share == 0 { own.seed = 0 }
    own.cache = nil
    own.names = .recipe
    return String(describing: own)
  }
}

/// What a hash is made of must be the same text in every process, and a dictionary has no order.
extension DataColumns: CustomStringConvertible {
  package var description: String {
    places.keys.sorted().map { "\($0.debugDescription): \(place(of: $0))" }.joined(separator: ", ")
  }
}
