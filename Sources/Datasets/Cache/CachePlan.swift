// Which parts of a cache a recipe needs, and who prepares them.
import Base
import Foundation
import Templates

/// The entries of a cache that hold the data of a recipe.
package struct CachePlan: Sendable {
  /// The bytes of a piece that a thread prepares at once.
  private static let pieceSize = 16 << 20
  /// Compressed text becomes about so many times as long.
  private static let swelling = 4

  let reading: DatasetReading
  package let cache: DataCache
  /// Of the files of each source.
  let keys: [[CacheKey]]

  /// - Parameters:
  ///   - options: with a cache that knows the contents of all files.
  ///   - tokenizer: the files that decide about the encoder's tokens.
  /// - Throws: what is wrong with the options, or with files that are read to find labels.
  package init(_ options: DataOptions, encoder: DocumentEncoder, tokenizer: [String]) throws {
    guard let cache = options.cache else { preconditionFailure("the recipe names no cache") }
    reading = try DatasetReading(options, encoder: encoder)
    self.cache = cache
    let encoding =
      try ["file"] + tokenizer.map { try ContentChunk.hash(of: $0) }
      + ["\(encoder.endOfText ?? -1) \(encoder.answerStart ?? -1) \(encoder.padding ?? -1)"]
      + (reading.labels?.names ?? [])
    keys = reading.sources.map { source, options in
      let settings = encoding + [options.encodingText(source)] + Self.template(of: source, options)
      return source.files.map { path in
        CacheKey(
          settings + [cache.contents[path]?.hash ?? "", DataFileKind.of(path).map { "\($0)" } ?? ""])
      }
    }
  }

  /// What decides how chats are written; nothing for files that hold none.
  private static func template(of source: DataSource, _ options: DataOptions) -> [String] {
    guard [.auto, .messages, .preference].contains(source.decidedFormat) else { return [] }
    guard
      let template = try? ChatTemplate(
        source.template ?? options.chats.template, folder: options.chats.folder)
    else { return [] }
    let identity = template.identity
    // Such a template writes something else each day.
    let namesDay = identity.contains { $0.contains("strftime_now") }
    return identity + (namesDay ? [Date().formatted(.iso8601.year().month().day())] : [])
  }

  /// The key of the set of sequences that the recipe makes.
  var setKey: CacheKey {
    let sources = reading.options.sources.count
    return CacheKey([
      "set",
      reading.options.arrangementText(
        Array(keys[..<sources]), validation: sources < keys.count ? keys[sources] : nil),
    ])
  }

  // MARK: pieces

  /// How files are cut, as text for other ranks.
  /// - Throws: `UserError` for a file that cannot be read.
  package func cuts(pieceSize: Int = Self.pieceSize) throws -> String {
    let lists = try reading.sources.map { source, options in
      // Elsewhere a text is more than its tokens: a row that is cut, or a document that others do not see.
      let cutsText =
        options.packing && !options.packingFits && options.packingMask == .none
        && reading.encoder.encoding.textCuts != nil
      return JSON.array(
        try source.files.map { path in
          .array(try Self.pieces(of: path, size: pieceSize, cutsText: cutsText).map { .string($0.name) })
        })
    }
    return JSON.array(lists).encoded()
  }

  private static func pieces(of path: String, size: Int, cutsText: Bool) throws -> [FilePiece] {
    // Opening a compressed file would decompress it.
    guard DataFileKind.of(path)?.form == nil, try FileStamp(path).bytes > size else { return [.whole] }
    do {
      return try DataFile(path).pieces(of: size, cutsText: cutsText)
    } catch let error as UserError where error.code == .data {
      // Whoever reads it tells what is wrong with it.
      return [.whole]
    }
  }

  /// The pieces of all files, in order.
  /// - Parameter cuts: what `cuts` gave, on any rank.
  package func pieces(_ cuts: String) throws -> [CachePiece] {
    let lists = try JSON.parse(cuts).elements ?? []
    var pieces: [CachePiece] = []
    for (loader, part) in reading.sources.enumerated() {
      let files = lists.indices.contains(loader) ? lists[loader].elements ?? [] : []
      for (file, path) in part.source.files.enumerated() {
        let names = files.indices.contains(file) ? files[file].elements ?? [] : []
        guard let stamp = cache.contents[path]?.stamp else { preconditionFailure("a file is not known") }
        for name in names.compactMap(\.text) {
          guard let piece = FilePiece(name: name) else { preconditionFailure("\(name) is no piece") }
          pieces.append(
            CachePiece(
              loader: loader, file: file, path: path, stamp: stamp, piece: piece, key: keys[loader][file],
              folder: cache.folder(ofParts: keys[loader][file]),
              work: Self.work(piece, of: path, bytes: stamp.bytes, pieces: names.count)))
        }
      }
    }
    return pieces
  }

  private static func work(_ piece: FilePiece, of path: String, bytes: Int, pieces: Int) -> Int {
    switch piece {
    case .bytes(let range): range.count
    case .groups: bytes / pieces
    case .whole: DataFileKind.of(path)?.form == nil ? bytes : bytes * swelling
    }
  }

  /// Shares pieces out, so that all have about as much to do.
  /// - Returns: for each member what it prepares, the largest first.
  package static func shares(_ pieces: [CachePiece], among members: Int) -> [[CachePiece]] {
    var seen = Set<String>()
    let all = pieces.filter { seen.insert($0.path(ofPart: 0)).inserted }.enumerated().sorted {
      ($1.element.work, $0.offset) < ($0.element.work, $1.offset)
    }
    var shares = [[CachePiece]](repeating: [], count: members)
    var loads = [Int](repeating: 0, count: members)
    for (_, piece) in all {
      let member = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
      shares[member].append(piece)
      // A small file takes time too.
      loads[member] += piece.work + 1 << 14
    }
    return shares
  }

  /// What makes the parts of pieces.
  package var preparation: PiecePreparation { PiecePreparation(reading: reading) }

  /// The mistakes of all files, as they would be told without a cache. It reads all of them.
  package func mistakes() -> [UserError] { reading.mistakes() }
}
