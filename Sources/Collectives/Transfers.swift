// Messages between two ranks that travel while something else is computed.
import CMPI

/// Some messages of one rank that are waited for together.
package final class Transfers {
  private let communicator: MPI_Comm
  private let board: RankBoard?
  private var requests: [MPI_Request?] = []
  /// The other rank of the first message.
  private var partner = 0

  init(_ communicator: MPI_Comm, _ board: RankBoard?) {
    self.communicator = communicator
    self.board = board
  }

  /// Sends bytes that stay as they are until the next `wait`.
  package func send(_ bytes: UnsafeRawPointer, count: Int, to rank: Int, tag: Int) {
    var request = swiftdp_request_null()
    check(
      MPI_Isend(bytes, Int32(count), swiftdp_byte(), Int32(rank), Int32(tag), communicator, &request),
      "MPI_Isend")
    if requests.isEmpty { partner = rank }
    requests.append(request)
  }

  package func receive(_ bytes: UnsafeMutableRawPointer, count: Int, from rank: Int, tag: Int) {
    var request = swiftdp_request_null()
    check(
      MPI_Irecv(bytes, Int32(count), swiftdp_byte(), Int32(rank), Int32(tag), communicator, &request),
      "MPI_Irecv")
    if requests.isEmpty { partner = rank }
    requests.append(request)
  }

  /// Whether all messages have arrived, or their memory may be overwritten. Lets messages progress.
  package var isDone: Bool {
    guard !requests.isEmpty else { return true }
    var done: Int32 = 0
    check(MPI_Testall(Int32(requests.count), &requests, &done, swiftdp_statuses_ignore()), "MPI_Testall")
    if done != 0 { requests.removeAll(keepingCapacity: true) }
    return done != 0
  }

  /// Waits until all messages have arrived, or their memory may be overwritten.
  package func wait() {
    guard !requests.isEmpty else { return }
    board?.wait(in: .messages, for: partner)
    check(MPI_Waitall(Int32(requests.count), &requests, swiftdp_statuses_ignore()), "MPI_Waitall")
    board?.go()
    requests.removeAll(keepingCapacity: true)
  }
}
