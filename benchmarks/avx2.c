// Preloaded into a process, lets its CPUID instruction answer as on a processor with AVX2 and FMA but without
// AVX-512, AVX-VNNI, AMX, AVX10 and GFNI. Linux, x86-64, a processor with CPUID faulting ("cpuid_fault" in
// /proc/cpuinfo): arch_prctl(ARCH_CPUID, 0) makes CPUID raise SIGSEGV in this thread and those that it starts.
// Bits: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2A, CPUID.
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { ARCH_CPUID = 0x1012 };

static struct sigaction previous;

static long allow_cpuid(long allowed) { return syscall(SYS_arch_prctl, ARCH_CPUID, allowed); }

static void mask(uint32_t leaf, uint32_t subleaf, uint32_t r[4]) {
    if (leaf == 7 && subleaf == 0) {
        r[1] &= ~(1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31);
        r[2] &= ~(1u << 1 | 1u << 6 | 1u << 8 | 1u << 11 | 1u << 12 | 1u << 14);
        r[3] &= ~(1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25);
    } else if (leaf == 7 && subleaf == 1) {
        r[0] &= ~(1u << 4 | 1u << 5 | 1u << 21 | 1u << 23);
        r[3] &= ~(1u << 4 | 1u << 5 | 1u << 8 | 1u << 10 | 1u << 19);
    } else if (leaf == 0xD && subleaf == 0) {
        r[0] &= ~(7u << 5 | 3u << 17);
    } else if (leaf == 0x1D || leaf == 0x1E || leaf == 0x24) {
        r[0] = r[1] = r[2] = r[3] = 0;
    }
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *code = (const uint8_t *)registers[REG_RIP];
    if (info->si_code == SI_KERNEL && code[0] == 0x0F && code[1] == 0xA2) {
        uint32_t leaf = registers[REG_RAX], subleaf = registers[REG_RCX], r[4];
        allow_cpuid(1);
        __cpuid_count(leaf, subleaf, r[0], r[1], r[2], r[3]);
        allow_cpuid(0);
        mask(leaf, subleaf, r);
        registers[REG_RAX] = r[0], registers[REG_RBX] = r[1], registers[REG_RCX] = r[2], registers[REG_RDX] = r[3];
        registers[REG_RIP] += 2;
        return;
    }
    if (previous.sa_flags & SA_SIGINFO)
        previous.sa_sigaction(signal, info, context);
    else
        sigaction(signal, &previous, NULL);
}

__attribute__((constructor)) static void start(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGSEGV, &action, &previous) || allow_cpuid(0)) {
        perror("avx2: this machine cannot fault CPUID");
        exit(3);
    }
}
