// A folder in which tokens are kept for all ranks and later runs: `data.cache` of a recipe.
//
//   files.json      the hashes of files that were read
//   facts/KEY.json  what had to be known of the data before, such as its labels
//   parts/KEY/…     the tokens of a file, in parts
//   sets/KEY        which sequences a recipe makes of its files
//
// Names of entries are hashes of all that decides what they hold. Nothing is ever changed or removed but a damaged entry.
import Base
import Foundation

package struct DataCache: Equatable, Sendable {
  package let folder: String
  /// What the files of the recipe hold, as far as it is known.
  private(set) var contents: [String: FileContent] = [:]

  package init(folder: String) { self.folder = folder }

  func folder(ofParts key: CacheKey) -> String { "\(folder)/parts/\(key.digits)" }
  func path(ofSet key: CacheKey) -> String { "\(folder)/sets/\(key.digits)" }

  // MARK: what files hold

  /// The parts of files that must be hashed, as nothing is known of the files.
  /// - Throws: `UserError` where a file cannot be looked at.
  package mutating func unknown(of files: [String]) throws -> [ContentChunk] {
    let known = KnownFiles(folder: folder)
    var chunks: [ContentChunk] = []
    for path in Set(files).sorted() {
      let stamp = try FileStamp(path)
      if let content = known.content(of: path, stamp) {
        contents[path] = content
      } else {
        contents[path] = FileContent(hash: "", stamp: stamp)
        chunks += ContentChunk.all(of: path, bytes: stamp.bytes)
      }
    }
    return chunks
  }

  /// Takes what was found, and keeps it for later runs.
  /// - Parameters:
  ///   - hashes: of the parts that `unknown` gave, in their order.
  ///   - start: when that was.
  /// - Throws: `UserError` where a file was changed since, or the record cannot be written.
  package mutating func remember(_ hashes: [String], of chunks: [ContentChunk], since start: Date) throws {
    guard !chunks.isEmpty else { return }
    var record = KnownFiles(folder: folder)
    let all = Dictionary(grouping: zip(chunks, hashes)) { $0.0.path }
    for (path, parts) in all {
      guard let stamp = contents[path]?.stamp, try FileStamp(path) == stamp else {
        throw UserError(.tryAgain, "was changed while it was read", at: path, hint: "start again")
      }
      let hash = ContentChunk.joined(parts.map(\.1), bytes: stamp.bytes)
      let content = FileContent(hash: hash, stamp: stamp)
      contents[path] = content
      if !stamp.isRecent(at: start) { record.remember(content, of: path) }
    }
    try record.write()
  }

  /// What is known, for other ranks.
  package var contentsText: String {
    JSON.object(
      members: contents.sorted { $0.key < $1.key }.map { path, content in
        (path, .object(members: [("hash", .string(content.hash))] + content.stamp.json))
      }
    ).encoded()
  }

  /// Takes what another rank knows.
  package mutating func take(contentsText text: String) throws {
    for member in try JSON.parse(text).members ?? [] {
      guard let hash = member.value["hash"]?.text, let stamp = FileStamp(member.value) else { continue }
      contents[String(decoding: member.key, as: UTF8.self)] = FileContent(hash: hash, stamp: stamp)
    }
  }

  // MARK: facts

  /// What has to be known of the data before it is read: looked up if the files were hashed before, and else found and
  /// kept.
  /// - Parameters:
  ///   - name: what is found.
  ///   - find: gives it by reading the files.
  func fact(_ name: String, of options: DataOptions, find: () throws -> JSON) throws -> JSON {
    let known = KnownFiles(folder: folder)
    var keys: [String] = [name]
    for source in options.sources {
      keys.append(options.encodingText(source))
      for path in source.files {
        let content = try contents[path] ?? known.content(of: path, FileStamp(path))
        guard let hash = content?.hash, !hash.isEmpty else { return try find() }
        keys += [hash, DataFileKind.of(path).map { "\($0)" } ?? ""]
      }
    }
    let path = "\(folder)/facts/\(CacheKey(keys).digits).json"
    if let fact = (try? OpenFile.json(path))?["fact"] { return fact }
    let fact = try find()
    try CacheFile.write(Array((JSON.object(["fact": fact]).encoded() + "\n").utf8), to: path)
    return fact
  }
}

extension DataOptions {
  /// What `find` gives, out of the cache if there is one.
  func fact(_ name: String, find: () throws -> JSON) throws -> JSON {
    try cache.map { try $0.fact(name, of: self, find: find) } ?? find()
  }
}
