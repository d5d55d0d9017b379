#pragma once
// Up to 64 members of a group with their open chunks, under one mutex, in one allocation:
//
//   ┌ GroupBlock ┬ slots[capacity] u32 ┬ states[capacity] ValueState 24 B ┐
//
// A member's samples are one run of ticks, states[i].start_tick … + count - 1; the group's ring has
// the timestamps.

#include <cstdint>

#include "server/storage/tsdb/head/value_stream.h"
#include "server/storage/tsdb/series/series_table.h"

namespace narthex::tsdb {

class Group;

struct GroupBlock : Home {
  static GroupBlock* New(Group* group, uint32_t first_member, uint32_t capacity);
  static void Delete(GroupBlock* block);

  uint32_t* slots() { return reinterpret_cast<uint32_t*>(this + 1); }
  ValueState* states() { return reinterpret_cast<ValueState*>(slots() + capacity); }
  const uint32_t* slots() const { return const_cast<GroupBlock*>(this)->slots(); }
  const ValueState* states() const { return const_cast<GroupBlock*>(this)->states(); }

  Group* const group;
  const uint32_t first_member;
  const uint32_t capacity;  // even, so that the states are aligned
  // Changed under both the group's commit_mutex and mutex; either suffices to read.
  uint64_t used = 0;      // the slot belongs to this group
  uint64_t live = 0;      // a writer supplies values for it
  uint64_t redirect = 0;  // …but the series is detached
  uint64_t retiring = 0;  // ends with the next tick

 private:
  GroupBlock(Group* g, uint32_t first, uint32_t n)
      : Home(Kind::kBlock), group(g), first_member(first), capacity(n) {}
};

}  // namespace narthex::tsdb
