import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

/**
 * Listens, on loopback addresses alone unless another address is given; answers the port. Throws what the system throws
 * for a port that is in use, and ends the server then.
 */
export async function listen(
  app: FastifyInstance,
  { port, address }: { readonly port: number; readonly address: string | undefined },
): Promise<number> {
  try {
    // `localhost` is 127.0.0.1 and, where the machine has it, ::1.
    await app.listen({ host: address ?? 'localhost', port })
    if (address === undefined && !addressesOf(app).every((each) => isLoopback(each.address))) {
      throw new Error('localhost is not a loopback address on this machine')
    }
  } catch (error) {
    await app.close()
    throw error
  }
  return addressesOf(app)[0]?.port ?? port
}

function addressesOf(app: FastifyInstance): AddressInfo[] {
  return app.addresses().flatMap((address) => (typeof address === 'string' ? [] : [address]))
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address)
}
