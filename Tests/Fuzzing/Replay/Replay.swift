// Reads the kept corpus of one reader and damaged copies of it, without a fuzzer and within little memory.
//
// FuzzReplay READER CORPUS FOLDER MUTATIONS SEED: says how many files it read; a crash or a finding leaves the
// bytes in FOLDER/input.
import Base
import Foundation
import FuzzReaders

@main
enum Replay {
  /// Bytes of address space beyond what the program begins with.
  static let memory: UInt64 = 1 << 30
  /// Processor seconds for one input; a machine that does other things too may take longer in real time.
  static let seconds = 5.0

  static func main() throws {
    let words = CommandLine.arguments
    guard words.count == 6, let reader = HostileReader(rawValue: words[1]), let mutations = Int(words[4]),
      let seed = UInt64(words[5])
    else { fatalError("FuzzReplay READER CORPUS FOLDER MUTATIONS SEED") }
    let (corpus, folder) = (words[2], words[3])
    try limitMemory()
    let files = try FileManager.default.contentsOfDirectory(atPath: corpus).sorted()
      .map { try OpenFile.contents(corpus + "/" + $0) }
    var refused = 0
    func read(_ bytes: [UInt8]) throws {
      try Data(bytes).write(to: URL(fileURLWithPath: folder + "/input"))
      let start = processorSeconds()
      do {
        try bytes.withUnsafeBytes { try reader.read($0, in: folder) }
      } catch {
        try Refusal.check(error)
        refused += 1
      }
      let taken = processorSeconds() - start
      guard taken < seconds else { throw Finding("takes \(taken) seconds") }
    }
    for file in files { try read(file) }
    var mutation = Mutation(seed: seed)
    for _ in 0..<mutations { try read(mutation.next(of: files)) }
    print("\(files.count) files, \(mutations) mutations, \(refused) refused")
  }

  private static func limitMemory() throws {
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    let used = UInt64(pages[0]).map { $0 * UInt64(sysconf(Int32(_SC_PAGESIZE))) } ?? 0
    var limit = rlimit(rlim_cur: rlim_t(used + memory), rlim_max: rlim_t(used + memory))
    guard used > 0, setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else {
      throw Finding("the memory cannot be limited")
    }
  }

  private static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
