#pragma once
#include "cmake/pch.h"
#include "tests/catch.h"
