#include "server/storage/tsdb/head/group_block.h"

#include <cstdlib>
#include <new>

namespace narthex::tsdb {

GroupBlock* GroupBlock::New(Group* group, uint32_t first_member, uint32_t capacity) {
  const size_t bytes = sizeof(GroupBlock) + capacity * (sizeof(uint32_t) + sizeof(ValueState));
  void* memory = std::aligned_alloc(alignof(GroupBlock), (bytes + 63) / 64 * 64);
  if (memory == nullptr) throw std::bad_alloc();
  auto* block = new (memory) GroupBlock(group, first_member, capacity);
  for (uint32_t i = 0; i < capacity; ++i) {
    block->slots()[i] = UINT32_MAX;
    new (&block->states()[i]) ValueState();
  }
  return block;
}

void GroupBlock::Delete(GroupBlock* block) {
  block->~GroupBlock();
  std::free(block);
}

}  // namespace narthex::tsdb
