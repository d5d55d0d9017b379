#include "server/storage/tsdb/block/block_writer.h"
