// One run per output folder at a time: a lock that the system releases when the process of the run is gone.
import Foundation

/// An exclusive lock on `OUTPUT/lock`, or that of an index, held as long as this value lives. Only the first rank takes it.
///
/// It is an open-file-description lock of `fcntl`. The kernel drops it when the process ends, however that happened,
/// and nothing of it is on the disk that a reboot could bring back. It is the only kind of lock on Linux that other
/// hosts also respect over NFS, Lustre and GPFS (as byte-range locks; `flock` is local to a host on some of their
/// mounts). Unlike `F_SETLK`, it is not lost when another part of the process closes the same file. After a host has
/// crashed, an NFS server releases its locks when its lease ends (90 s by default).
///
/// The content of the file means nothing: it is empty when no run holds the lock, and out of date after a crash.
package final class OutputLock {
  private let output: String
  private var descriptor: Int32 = -1
  private let holder: String
  private let words: Words
  /// Why nothing is locked, in one line: if the file system has no locks, the run goes on without one.
  package private(set) var warning: String?

  private var path: String { output + "/lock" }

  /// What messages call who else may hold it, and what they say to do.
  package struct Words: Sendable {
    let holder: String
    let hint: String
    package init(holder: String, hint: String) { (self.holder, self.hint) = (holder, hint) }
    package static let run = Words(holder: "another run", hint: "set output to another folder")
  }

  /// Takes the lock if a run has been in this folder before. It creates no file, so that a mistake that is found
  /// later leaves everything as it was.
  /// - Parameter host: this host's name, to tell others.
  /// - Throws: `UserError(.tryAgain)` with the host and process of the run that holds it.
  package init(output: String, host: String, words: Words = .run) throws {
    self.output = output
    self.words = words
    holder = "process \(getpid()) on \(host)"
    let found = open(path, O_RDWR | O_CLOEXEC)
    guard found >= 0 else {
      // If the folder may not be written to, the code that writes to it reports that.
      if ![ENOENT, EACCES, EROFS, ENOTDIR].contains(errno) { throw UserError.disk("cannot be opened", path) }
      return
    }
    try take(found)
  }

  /// Takes the lock in any case, before the first file is written.
  package func begin() throws {
    guard descriptor < 0, warning == nil else { return }
    do {
      try makeFolders(output)
      let made = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard made >= 0 else {
        // Another run has started since the folder was read, so what was read may be out of date.
        if errno == EEXIST, access(path, R_OK | W_OK) == 0 { throw refusal() }
        throw UserError.disk("cannot be made or written to", path)
      }
      try take(made)
    } catch var error as UserError where error.code == .disk {
      error.hint = "set output to a folder that you may write to"
      throw error
    }
  }

  private func take(_ file: Int32) throws {
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    guard fcntl(file, Self.setLock, &lock) == 0 else {
      let reason = errno
      close(file)
      if reason == EAGAIN || reason == EACCES { throw refusal() }
      warning =
        "\(path): not locked, \(String(cString: strerror(reason))): \(words.holder) could write here too"
      return
    }
    descriptor = file
    ftruncate(file, 0)
    _ = holder.withCString { pwrite(file, $0, strlen($0), 0) }
  }

  /// `F_OFD_SETLK`, which Swift's Glibc hides.
  private static let setLock: Int32 = 37

  private func refusal() -> UserError {
    let found = (try? OpenFile.contents(path)).map { String(decoding: $0.prefix(400), as: UTF8.self) } ?? ""
    return UserError(
      .tryAgain, "\(words.holder) writes to it: " + (found.isEmpty ? "one that has just begun" : found),
      at: output,
      hint: "wait for its end, or \(words.hint)")
  }

  deinit {
    guard descriptor >= 0 else { return }
    ftruncate(descriptor, 0)
    close(descriptor)
  }
}
