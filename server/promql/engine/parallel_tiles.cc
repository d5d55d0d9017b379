// Tiles made by several threads and seen in order. Whoever is free takes the next tile that nobody
// has taken, as long as it is not too far ahead of the one that is looked at; the thread of the
// query looks at the tiles and helps to make them while it would wait.

#include <memory>

#include "server/promql/engine/operator.h"
#include "server/promql/engine/tile_pool.h"

namespace narthex::promql {
namespace {

class OrderedTiles {
 public:
  OrderedTiles(const Operator& op, size_t window)
      : op_(&op),
        size_(op.size()),
        rows_(RowsPerTile(op.window().steps)),
        tickets_((size_ + rows_ - 1) / rows_),
        hold_(op.context().NewHold()),
        slots_(window) {
    for (Slot& slot : slots_) slot.hold = op.context().NewHold();
    hold_.Grow(std::min(window, tickets_) * Tile::BytesFor(rows_, op.window().steps));
  }

  size_t tickets() const { return tickets_; }

  // A helper's part. May come when all is over, and `op` with it.
  void Help() {
    MutexLock lock(mutex_);
    if (stopped_) return;
    ++helpers_;
    while (true) {
      while (!stopped_ && next_ < tickets_ && !HasRoom()) room_.Wait(lock);
      if (stopped_ || next_ >= tickets_) break;
      ProduceNext(lock);
    }
    --helpers_;
    ready_.NotifyAll();
  }

  Status Consume(const std::function<Status(size_t, const Tile&)>& visit) {
    Status status;
    for (size_t ticket = 0; ticket < tickets_ && status.ok(); ++ticket) {
      Slot& slot = slots_[ticket % slots_.size()];
      {
        MutexLock lock(mutex_);
        while (!slot.done) {
          if (next_ < tickets_ && HasRoom()) {
            ProduceNext(lock);
          } else {
            ready_.Wait(lock);
          }
        }
      }
      status = slot.status.ok() ? visit(ticket * rows_, slot.tile) : slot.status;
      MutexLock lock(mutex_);
      slot.done = false;
      consumed_ = ticket + 1;
      room_.NotifyAll();
    }
    MutexLock lock(mutex_);
    stopped_ = true;
    room_.NotifyAll();
    while (helpers_ > 0) ready_.Wait(lock);
    // Helpers that come too late keep this object alive, after the query.
    slots_.clear();
    hold_.Release();
    return status;
  }

 private:
  struct Slot {
    Tile tile;
    Status status;
    bool done = false;
    MemoryHold hold;  // of the histograms
  };

  bool HasRoom() const REQUIRES(mutex_) { return next_ < consumed_ + slots_.size(); }

  void ProduceNext(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS {
    const size_t ticket = next_++;
    Slot& slot = slots_[ticket % slots_.size()];
    lock.Unlock();
    const size_t first = ticket * rows_;
    slot.status = op_->context().CheckAlive();
    slot.tile.Reset(std::min(rows_, size_ - first), op_->window().steps);
    if (slot.status.ok()) slot.status = op_->Produce(first, &slot.tile);
    if (slot.tile.HasHistograms()) slot.hold.AtLeast(slot.tile.Bytes());
    lock.Lock();
    slot.done = true;
    ready_.NotifyAll();
  }

  const Operator* const op_;
  const size_t size_, rows_, tickets_;
  Mutex mutex_;
  CondVar ready_, room_;
  MemoryHold hold_;          // of the tiles
  std::vector<Slot> slots_;  // a slot belongs to who has its ticket, then to the consumer
  size_t next_ GUARDED_BY(mutex_) = 0;
  size_t consumed_ GUARDED_BY(mutex_) = 0;
  int helpers_ GUARDED_BY(mutex_) = 0;
  bool stopped_ GUARDED_BY(mutex_) = false;
};

}  // namespace

Status ForEachTileInParallel(const Operator& op,
                             const std::function<Status(size_t, const Tile&)>& visit) {
  TilePool& pool = *op.context().pool();
  const auto helpers = static_cast<size_t>(pool.helpers());
  auto tiles = std::make_shared<OrderedTiles>(op, 2 * (helpers + 1));
  const size_t wanted = std::min(helpers, tiles->tickets() - 1);
  pool.Submit(static_cast<int>(wanted), [tiles] { tiles->Help(); });
  return tiles->Consume(visit);
}

}  // namespace narthex::promql
